// SPDX-License-Identifier: Apache-2.0
// Whether the rows of a store are those that follow from the states: of indexes and lists, counts
// of lists, claims of unique fields.
#pragma once

#include "kind_rows.hpp"
#include "perdure/runtime/kind_build.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// Findings that a report holds; the rest is counted.
inline constexpr std::size_t findings_max = 100;

/// Calls `visit` with each object of a kind.
using VisitObject = std::function<Result<void>(const ObjectId&)>;
using EachObject = std::function<Result<void>(const std::string& kind, const VisitObject& visit)>;

/// Compares all of it. Of a build under way only what is done is compared.
///
/// Shape    nothing changes meanwhile. It reads each object once, and again those of kinds that
///          have something wrong; what it holds grows with the values that lists count.
/// Errors   those of reading.
[[nodiscard]] Result<RowReport> check_rows(const storage::Store& store,
                                           const std::vector<Kind>& kinds, const ListLayouts& lists,
                                           const RowNames& rows, Timestamp now,
                                           const EachObject& each_object);
/// The same for the objects that are in the index by owner.
[[nodiscard]] Result<RowReport> check_rows(const storage::Store& store,
                                           const std::vector<Kind>& kinds, const ListLayouts& lists,
                                           const RowNames& rows, Timestamp now);

}  // namespace perdure::runtime
