// SPDX-License-Identifier: Apache-2.0
// Derived rows: what the store has beside records because it follows from them, made again when an
// older version left it in an older form. Done at the opening of a runtime, before anybody reads.
#pragma once

#include <functional>

#include "perdure/runtime/kind.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// Visits all objects of a kind, live and deleted, by their rows in the index by owner.
/// Errors: the store's; those of `visit`, which end the walk.
[[nodiscard]] Result<void> each_object(
    const storage::Store& store, const std::string& kind,
    const std::function<Result<void>(const storage::IndexRow&)>& visit);

/// Brings the index rows of all objects into the form that this version writes, and those of lists
/// to their rules (list_build.hpp). Once for a store
/// and a kind that has indexes, in commits of about a MiB; what interrupts it loses no row, and the
/// next opening goes on with the kind that it was at. It reads each object of the kind once.
/// Objects that cannot be read keep their rows.
///
/// Errors  those of reading and committing: lists may sort text as it was, and the next call tries
///         again.
[[nodiscard]] Result<void> bring_indexes_up_to_date(storage::Store& store,
                                                    const std::vector<Kind>& kinds, Timestamp now);

}  // namespace perdure::runtime
