// SPDX-License-Identifier: Apache-2.0
// Quotas: how many objects an owner has, and the bytes of their states and entries, kept as counts
// in the commits that change them.
#pragma once

#include <optional>
#include <string>

#include "perdure/runtime/kind.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/runtime/principal.hpp"
#include "perdure/storage/store.hpp"
#include "version.hpp"

namespace perdure::runtime {

struct Draft;

/// The name of the count of an owner's objects of a kind; of all kinds when it is empty.
[[nodiscard]] std::string object_count(std::string_view kind, std::string_view owner);

/// Whose an object is; none: it never was, or is purged.
[[nodiscard]] std::optional<std::string> owner_of(const Version& version);

/// What a turn that makes an object, gives it another owner or purges it adds to the counts. The
/// commit refuses it past a quota, if it is a user's.
[[nodiscard]] std::vector<storage::CountChange> object_counts(
    const std::optional<std::string>& before, const std::optional<std::string>& after,
    const std::string& kind, const Principal& principal, const Quotas& quotas);

/// The names of the counts of bytes: of an owner's states and entries, and of an object's entries.
[[nodiscard]] std::string byte_count(std::string_view owner);
[[nodiscard]] std::string entry_count(const ObjectId& object);

/// What an object takes: of its owner's share as a whole, and of that in its entries.
struct ObjectBytes {
  std::optional<std::string> owner;  ///< none: it has no bytes
  std::uint64_t root = 0;
  std::uint64_t entries = 0;
};

/// What a turn adds to the counts of bytes, or takes from them; a turn that changes no length adds
/// nothing. The commit refuses it past a user's quota.
void add_byte_counts(storage::WriteSet& write_set, const ObjectBytes& before,
                     const ObjectBytes& after, const Principal& principal, const Quotas& quotas);

/// The same of a draft whose state has so many bytes, and whose entries have so many more than
/// before. Errors: those of the store.
[[nodiscard]] Result<void> add_byte_counts(const Draft& draft, std::size_t root_bytes,
                                           std::int64_t entry_bytes, storage::WriteSet& write_set);

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
/// The same for the bytes of objects. It reads them all.
[[nodiscard]] Result<void> count_bytes(storage::Store& store, const std::vector<Kind>& kinds,
                                       Timestamp now);
/// Bytes of the entries that an object has in its present life. Errors: those of the store.
[[nodiscard]] Result<std::uint64_t> measure_entries(const storage::Store& store,
                                                    const ObjectId& object, Seq born_seq);

}  // namespace perdure::runtime
