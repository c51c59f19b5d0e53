// SPDX-License-Identifier: Apache-2.0
// The values of all rows: a checksum that binds them to their table and key, then their content.
//
// RocksDB's block checksums notice a damaged file. The checksum here notices a whole row at a wrong
// place, and bytes damaged in memory before they were written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/storage/store.hpp"

namespace perdure::storage::rows {

/// Each table of rows. The letter is part of the row's checksum.
enum class Table : char {
  meta = 'm',
  records = 'r',
  entries = 'e',
  indexes = 'i',
  alarms = 'a',
  due = 'd',
  events = 'v',
  claims = 'c',
  pins = 'p',
  outbox = 'o',
};

inline constexpr Table all_tables[] = {
    Table::meta, Table::records, Table::entries, Table::indexes, Table::alarms,
    Table::due,  Table::events,  Table::claims,  Table::pins,    Table::outbox};

[[nodiscard]] std::string_view name(Table table);

/// What stands before a row's content: be32(CRC-32C of the table's letter, key and content).
[[nodiscard]] std::string checksum(Table table, std::string_view key, std::string_view content);
/// The content, borrowed from `value`. Errors: corrupt, naming the table and the key.
[[nodiscard]] Result<std::string_view> unseal(Table table, std::string_view key,
                                              std::string_view value);
/// `corrupt`, for a row whose key or content has not the shape of its table.
[[nodiscard]] Unexpected misshapen(Table table, std::string_view key);

/// A version of an entry: '\1' value, or '\0' for a tombstone.
[[nodiscard]] std::string entry_content(const std::optional<std::string>& value);
/// Whether `content` is a tombstone's; none when it is neither.
[[nodiscard]] std::optional<bool> is_tombstone(std::string_view content);

/// '\0' value, or '\1' be64(expires in Unix ms) value.
struct ClaimContent {
  std::optional<Timestamp> expires;
  std::string_view value;  ///< borrowed

  [[nodiscard]] bool expired(Timestamp now) const { return expires && *expires <= now; }
};
[[nodiscard]] std::string claim_content(const Claim& claim);
[[nodiscard]] std::optional<ClaimContent> parse_claim(std::string_view content);

/// be64(due in Unix ms) body
struct AlarmContent {
  Timestamp due;
  std::string_view body;  ///< borrowed
};
[[nodiscard]] std::string alarm_content(Timestamp due, std::string_view body);
[[nodiscard]] std::optional<AlarmContent> parse_alarm(std::string_view content);

/// be64(number of the batch) be64(position of the last event) be64(that of the last outbox item)
struct CommitContent {
  std::uint64_t number = 0;
  std::uint64_t last_event = 0;
  std::uint64_t last_send = 0;
};
[[nodiscard]] std::string commit_content(CommitContent commit);
[[nodiscard]] std::optional<CommitContent> parse_commit(std::string_view content);

/// An event's body, or '\0' be64(first position) body for a gap: no body begins with NUL.
[[nodiscard]] std::string gap_content(std::uint64_t first, std::string_view body);
[[nodiscard]] std::optional<EventRow> parse_event(std::uint64_t position, std::string_view content);

/// be64: the epoch, the first event that is kept, an object's floor, or a count.
[[nodiscard]] std::string number_content(std::uint64_t number);
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view content);

}  // namespace perdure::storage::rows
