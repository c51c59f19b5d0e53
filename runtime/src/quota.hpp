// SPDX-License-Identifier: Apache-2.0
// Quotas: how many objects an owner has, kept as counts in the commits that make and purge them.
#pragma once

#include <optional>
#include <string>

#include "perdure/runtime/kind.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/runtime/principal.hpp"
#include "perdure/storage/store.hpp"
#include "version.hpp"

namespace perdure::runtime {

/// The name of the count of an owner's objects of a kind; of all kinds when it is empty.
[[nodiscard]] std::string object_count(std::string_view kind, std::string_view owner);

/// Whose an object is; none: it never was, or is purged.
[[nodiscard]] std::optional<std::string> owner_of(const Version& version);

/// What a turn that makes an object, gives it another owner or purges it adds to the counts. The
/// commit refuses it past a quota, if it is a user's.
[[nodiscard]] std::vector<storage::CountChange> object_counts(
    const std::optional<std::string>& before, const std::optional<std::string>& after,
    const std::string& kind, const Principal& principal, const Quotas& quotas);

/// The store's `quota_exceeded` in the caller's words: which quota, and the setting that it comes
/// from. Any other error stays as it is.
[[nodiscard]] Error explain_quota(const Quotas& quotas, Error error);

/// Adds to the counts what objects of a store that was written before there were counts make up.
/// Done once for a store, whatever interrupts it.
///
/// Errors  those of reading and committing; the counts are lower than they should be then, and the
///         next call tries again.
[[nodiscard]] Result<void> count_objects(storage::Store& store, const std::vector<Kind>& kinds,
                                         Timestamp now);

}  // namespace perdure::runtime
