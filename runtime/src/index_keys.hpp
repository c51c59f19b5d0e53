// SPDX-License-Identifier: Apache-2.0
// Index keys: JSON values as bytes that sort as the values do (docs/formats/keys.md).
//
// Each value is self-delimiting, so the keys of one index are prefix-free, and a prefix of values
// is a prefix of bytes. Order: missing or null, false, true, numbers, strings (by the code points
// of their normal form NFC), others.
#pragma once

#include <string>
#include <vector>

#include "kind_rows.hpp"
#include "version.hpp"

namespace perdure::runtime {

/// Strings are indexed whole up to so many bytes: 500 characters of any script. Those that are
/// equal so far are ordered by id. A cursor holds a key, and has to fit into a URL.
inline constexpr std::size_t index_string_bytes_max = 2'048;
/// Elements of an array that get a row each.
inline constexpr std::size_t index_elements_max = 100;

namespace index_names {
inline constexpr std::string_view by_id = "$id";                     ///< live objects
inline constexpr std::string_view deleted = "$deleted";              ///< by owner and time
inline constexpr std::string_view deleted_by_id = "$deleted_by_id";  ///< for any owner
inline constexpr std::string_view deleted_at = "$deleted_at";        ///< by time, for any owner
inline constexpr std::string_view by_owner = "$owner";               ///< live and deleted ones
inline constexpr std::string_view by_reader = "$reader";             ///< live ones, by each grantee
}  // namespace index_names

/// The value of a field as definitions name it; null when the root has no such member.
[[nodiscard]] Json field_value(const std::string& field, const ObjectMeta& meta, const Json& root);

void put_index_value(std::string& key, const Json& value);

/// A time as the whole key of an index; those before 1970 are as 1970.
[[nodiscard]] std::string time_key(Timestamp time);
/// The index of objects that hold something deleted, by the time of the oldest.
[[nodiscard]] std::string purge_index(const PurgeDefinition& purge);
/// The key of all rows of `owner` in the index of objects by owner.
[[nodiscard]] std::string owner_key(const std::string& owner);
/// The owner that such a key is of. Errors: corrupt.
[[nodiscard]] Result<std::string> owner_from_key(std::string_view key);

/// The first bytes of all keys of `owner`'s rows (empty for an index over all owners).
[[nodiscard]] std::string index_prefix(const IndexDefinition& index, const std::string& owner);

struct IndexKey {
  std::string index;
  std::string key;
  auto operator<=>(const IndexKey&) const = default;
};

/// The index rows of an object's parts, sorted, under their stored names; those that follow from no
/// state are among the built ones.
[[nodiscard]] std::vector<IndexKey> index_keys(const KindDefinition& kind, const KindRows& rows,
                                               const ObjectForm& object, Which which);

/// What turns the rows before into those after. Both sorted.
[[nodiscard]] std::vector<storage::IndexChange> index_difference(
    const std::vector<IndexKey>& before, const std::vector<IndexKey>& after);

}  // namespace perdure::runtime
