// SPDX-License-Identifier: Apache-2.0
// The keys of all rows: docs/formats/keys.md, in code.
//
// Names end with a NUL byte, which none of them can hold, so that rows sort by name first; numbers
// are big-endian, so that they sort as numbers; seqs are inverted, so that the newest comes first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/storage/store.hpp"

namespace perdure::storage::keys {

/// The width of the inverted seq at the end of record, entry and pin keys.
inline constexpr std::size_t seq_bytes = 8;

/// kind NUL id NUL
[[nodiscard]] std::string object_prefix(const ObjectId& object);

/// object-prefix be64(~seq). `prefix` is an object's or an entry's.
[[nodiscard]] std::string at_seq(std::string_view prefix, Seq seq);
/// The seq at the end of such a key, when the key is longer than a seq.
[[nodiscard]] std::optional<Seq> seq_of(std::string_view key);

/// object-prefix key NUL; at_seq() of it is the key of one version.
[[nodiscard]] std::string entry_prefix(std::string_view object_prefix, std::string_view key);

/// object-prefix be64(seq): pins are read in ascending order.
[[nodiscard]] std::string pin(std::string_view object_prefix, Seq seq);

/// kind NUL index NUL
[[nodiscard]] std::string index_prefix(std::string_view kind, std::string_view index);
/// index-prefix key id be16(length of id)
[[nodiscard]] std::string index_row(std::string_view index_prefix, std::string_view key,
                                    std::string_view id);
/// Appends the same to `row`.
void put_index_row(std::string& row, std::string_view kind, std::string_view index,
                   std::string_view key, std::string_view id);

/// object-prefix name
[[nodiscard]] std::string alarm(std::string_view object_prefix, std::string_view name);
/// be16(partition) be64(due) object-prefix name
[[nodiscard]] std::string due(Timestamp due, std::string_view object_prefix, std::string_view name);
/// The first key after all alarms with due <= `until`.
[[nodiscard]] std::string due_end(Timestamp until);

/// be16(partition) be64(position): of an event, and of an outbox item.
[[nodiscard]] std::string at_position(std::uint64_t position);

/// space NUL key
[[nodiscard]] std::string claim(std::string_view space, std::string_view key);

/// "floor" NUL object-prefix
[[nodiscard]] std::string floor(std::string_view object_prefix);
/// "count" NUL name
[[nodiscard]] std::string count(std::string_view name);
/// "unscrubbed" NUL kind
[[nodiscard]] std::string unscrubbed(std::string_view kind);
inline constexpr std::string_view commit = "commit";
inline constexpr std::string_view epoch = "epoch";
inline constexpr std::string_view first_event = "first_event";
inline constexpr std::string_view history = "history";
inline constexpr std::string_view line = "line";
inline constexpr std::string_view place = "place";
/// While it is there, no row but those of events was ever erased by range.
inline constexpr std::string_view erased_by_row = "erased_by_row";

// What a key says; none when it has not the shape of its table.

struct AlarmKey {
  ObjectId object;
  std::string name;
  Timestamp due;  ///< only in keys by due time
};

[[nodiscard]] std::optional<ObjectId> parse_object(std::string_view object_prefix);
struct IndexKeyParts {
  std::string_view key;
  std::string_view id;
};
/// Borrows from the key.
[[nodiscard]] std::optional<IndexKeyParts> split_index(std::string_view key);
[[nodiscard]] std::optional<IndexRow> parse_index(std::string_view key);
[[nodiscard]] std::optional<AlarmKey> parse_alarm(std::string_view key);
[[nodiscard]] std::optional<AlarmKey> parse_due(std::string_view key);
[[nodiscard]] std::optional<std::uint64_t> parse_position(std::string_view key);

/// The length of the object (or index) prefix that `key` begins with; 0: it has none.
[[nodiscard]] std::size_t prefix_size(std::string_view key);

}  // namespace perdure::storage::keys
