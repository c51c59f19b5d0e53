// SPDX-License-Identifier: Apache-2.0
#include "rows.hpp"

#include <fmt/format.h>

#include "perdure/base/check.hpp"
#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::storage::rows {
namespace {

constexpr std::size_t checksum_bytes = 4;

std::uint32_t crc_of(Table table, std::string_view key, std::string_view content) {
  const char letter = static_cast<char>(table);
  return crc32c(content, crc32c(key, crc32c({&letter, 1})));
}

/// A key in words: its text with other bytes as \xNN.
std::string printable(std::string_view key) {
  std::string text;
  for (const char c : key) {
    if (c > ' ' && c < 0x7F && c != '\\') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(c));
    }
  }
  return text;
}

}  // namespace

std::string_view name(Table table) {
  switch (table) {
    case Table::meta: return "meta";
    case Table::records: return "records";
    case Table::entries: return "entries";
    case Table::indexes: return "indexes";
    case Table::alarms: return "alarms";
    case Table::due: return "due";
    case Table::events: return "events";
    case Table::claims: return "claims";
    case Table::pins: return "pins";
    case Table::outbox: return "outbox";
  }
  check_failed("table", "an unknown table");
}

std::string checksum(Table table, std::string_view key, std::string_view content) {
  std::string bytes;
  put_be32(bytes, crc_of(table, key, content));
  return bytes;
}

Result<std::string_view> unseal(Table table, std::string_view key, std::string_view value) {
  if (value.size() < checksum_bytes) return misshapen(table, key);
  const auto content = value.substr(checksum_bytes);
  if (Reader{value}.be32() != crc_of(table, key, content)) {
    return fail(ErrorCode::corrupt,
                fmt::format("a row of {} fails its checksum: {}", name(table), printable(key)));
  }
  return content;
}

Unexpected misshapen(Table table, std::string_view key) {
  return fail(ErrorCode::corrupt,
              fmt::format("a row of {} has not its shape: {}", name(table), printable(key)));
}

std::string entry_content(const std::optional<std::string>& value) {
  return value ? '\1' + *value : std::string(1, '\0');
}

std::optional<bool> is_tombstone(std::string_view content) {
  if (content.empty() || content[0] > 1 || content[0] < 0) return {};
  if (content[0] == 1) return false;
  if (content.size() != 1) return {};
  return true;
}

std::string claim_content(const Claim& claim) {
  std::string content(1, claim.expires ? '\1' : '\0');
  if (claim.expires) put_be64(content, static_cast<std::uint64_t>(to_unix_ms(*claim.expires)));
  content += claim.value;
  return content;
}

std::optional<ClaimContent> parse_claim(std::string_view content) {
  Reader reader{content};
  const auto flag = reader.raw(1);
  if (reader.failed() || flag[0] < 0 || flag[0] > 1) return {};
  std::optional<Timestamp> expires;
  if (flag[0] == 1) expires = from_unix_ms(static_cast<std::int64_t>(reader.be64()));
  if (reader.failed()) return {};
  return ClaimContent{expires, reader.rest()};
}

std::string alarm_content(Timestamp due, std::string_view body) {
  std::string content;
  put_be64(content, static_cast<std::uint64_t>(to_unix_ms(due)));
  content += body;
  return content;
}

std::optional<AlarmContent> parse_alarm(std::string_view content) {
  Reader reader{content};
  const auto due = from_unix_ms(static_cast<std::int64_t>(reader.be64()));
  if (reader.failed()) return {};
  return AlarmContent{due, reader.rest()};
}

std::string commit_content(CommitContent commit) {
  std::string content;
  put_be64(content, commit.number);
  put_be64(content, commit.last_event);
  put_be64(content, commit.last_send);
  return content;
}

std::optional<CommitContent> parse_commit(std::string_view content) {
  Reader reader{content};
  const auto number = reader.be64();
  const auto last_event = reader.be64();
  const auto last_send = reader.be64();
  if (!reader.done()) return {};
  return CommitContent{number, last_event, last_send};
}

std::string gap_content(std::uint64_t first, std::string_view body) {
  std::string content(1, '\0');
  put_be64(content, first);
  content += body;
  return content;
}

std::optional<EventRow> parse_event(std::uint64_t position, std::string_view content) {
  if (content.empty() || content[0] != '\0') return EventRow{position, std::string{content}};
  Reader reader{content.substr(1)};
  const auto first = reader.be64();
  if (reader.failed() || first == 0 || first > position) return {};
  return EventRow{position, std::string{reader.rest()}, first};
}

std::string number_content(std::uint64_t number) {
  std::string content;
  put_be64(content, number);
  return content;
}

std::optional<std::uint64_t> parse_number(std::string_view content) {
  Reader reader{content};
  const auto number = reader.be64();
  if (!reader.done()) return {};
  return number;
}

}  // namespace perdure::storage::rows
