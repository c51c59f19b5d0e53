// SPDX-License-Identifier: Apache-2.0
#include "keys.hpp"

#include "perdure/base/check.hpp"
#include "perdure/base/codec.hpp"

namespace perdure::storage::keys {
namespace {

constexpr char nul = '\0';
/// One log partition for now. Its number stands in the keys so that a second one moves no row.
constexpr std::uint16_t partition = 0;
constexpr std::size_t partition_bytes = 2;

void put_be16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

std::uint16_t read_be16(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  return static_cast<std::uint16_t>(at(0) << 8 | at(1));
}

std::string join(std::string_view first, std::string_view second) {
  std::string key;
  key.reserve(first.size() + second.size() + 2 + seq_bytes);
  key += first;
  key += nul;
  key += second;
  key += nul;
  return key;
}

/// Times before 1970 must sort first, so the sign bit is turned.
constexpr std::uint64_t sign_bit = 1ULL << 63;
std::uint64_t sortable(Timestamp time) {
  return static_cast<std::uint64_t>(to_unix_ms(time)) ^ sign_bit;
}

}  // namespace

std::string object_prefix(const ObjectId& object) { return join(object.kind, object.id); }

std::string at_seq(std::string_view prefix, Seq seq) {
  std::string key;
  key.reserve(prefix.size() + seq_bytes);
  key += prefix;
  put_be64(key, ~seq);
  return key;
}

std::optional<Seq> seq_of(std::string_view key) {
  if (key.size() <= seq_bytes) return {};
  return ~Reader{key.substr(key.size() - seq_bytes)}.be64();
}

std::string entry_prefix(std::string_view object_prefix, std::string_view key) {
  std::string prefix;
  prefix.reserve(object_prefix.size() + key.size() + 1 + seq_bytes);
  prefix += object_prefix;
  prefix += key;
  prefix += nul;
  return prefix;
}

std::string pin(std::string_view object_prefix, Seq seq) {
  std::string key{object_prefix};
  put_be64(key, seq);
  return key;
}

std::string index_prefix(std::string_view kind, std::string_view index) {
  return join(kind, index);
}

namespace {

void put_key_and_id(std::string& row, std::string_view key, std::string_view id) {
  row += key;
  row += id;
  PERDURE_CHECK(id.size() <= 0xFFFF, "an object id fits a 16-bit length");
  put_be16(row, static_cast<std::uint16_t>(id.size()));
}

}  // namespace

std::string index_row(std::string_view index_prefix, std::string_view key, std::string_view id) {
  std::string row;
  row.reserve(index_prefix.size() + key.size() + id.size() + 2);
  row += index_prefix;
  put_key_and_id(row, key, id);
  return row;
}

void put_index_row(std::string& row, std::string_view kind, std::string_view index,
                   std::string_view key, std::string_view id) {
  row += kind;
  row += nul;
  row += index;
  row += nul;
  put_key_and_id(row, key, id);
}

std::string alarm(std::string_view object_prefix, std::string_view name) {
  std::string key{object_prefix};
  key += name;
  return key;
}

std::string due(Timestamp due, std::string_view object_prefix, std::string_view name) {
  std::string key;
  key.reserve(partition_bytes + 8 + object_prefix.size() + name.size());
  put_be16(key, partition);
  put_be64(key, sortable(due));
  key += object_prefix;
  key += name;
  return key;
}

std::string due_end(Timestamp until) {
  std::string key;
  put_be16(key, partition);
  put_be64(key, sortable(until));
  return prefix_end(std::move(key));
}

std::string at_position(std::uint64_t position) {
  std::string key;
  put_be16(key, partition);
  put_be64(key, position);
  return key;
}

std::string claim(std::string_view space, std::string_view key) {
  std::string row{space};
  row += nul;
  row += key;
  return row;
}

std::string floor(std::string_view object_prefix) {
  std::string key{"floor"};
  key += nul;
  key += object_prefix;
  return key;
}

std::string unscrubbed(std::string_view kind) {
  std::string key{"unscrubbed"};
  key += '\0';
  return key += kind;
}

std::string count(std::string_view name) {
  std::string key{"count"};
  key += nul;
  key += name;
  return key;
}

std::size_t prefix_size(std::string_view key) {
  const auto first = key.find(nul);
  if (first == std::string_view::npos) return 0;
  const auto second = key.find(nul, first + 1);
  return second == std::string_view::npos ? 0 : second + 1;
}

std::optional<ObjectId> parse_object(std::string_view object_prefix) {
  const auto first = object_prefix.find(nul);
  const auto size = prefix_size(object_prefix);
  if (size == 0 || size != object_prefix.size() || first == 0 || size == first + 2) return {};
  return ObjectId{std::string{object_prefix.substr(0, first)},
                  std::string{object_prefix.substr(first + 1, size - first - 2)}};
}

std::optional<IndexKeyParts> split_index(std::string_view key) {
  const auto size = prefix_size(key);
  if (size == 0 || key.size() < size + 2) return {};
  const std::size_t id_bytes = read_be16(key.substr(key.size() - 2));
  const auto rest = key.substr(size, key.size() - size - 2);
  if (id_bytes == 0 || id_bytes > rest.size()) return {};
  return IndexKeyParts{rest.substr(0, rest.size() - id_bytes), rest.substr(rest.size() - id_bytes)};
}

std::optional<IndexRow> parse_index(std::string_view key) {
  const auto parts = split_index(key);
  if (!parts) return {};
  return IndexRow{std::string{parts->key}, std::string{parts->id}};
}

std::optional<AlarmKey> parse_alarm(std::string_view key) {
  const auto size = prefix_size(key);
  auto object = parse_object(key.substr(0, size));
  if (!object) return {};
  return AlarmKey{std::move(*object), std::string{key.substr(size)}, {}};
}

std::optional<AlarmKey> parse_due(std::string_view key) {
  if (key.size() < partition_bytes + 8) return {};
  auto alarm = parse_alarm(key.substr(partition_bytes + 8));
  const auto due = Reader{key.substr(partition_bytes)}.be64() ^ sign_bit;
  if (alarm) alarm->due = from_unix_ms(static_cast<std::int64_t>(due));
  return alarm;
}

std::optional<std::uint64_t> parse_position(std::string_view key) {
  if (key.size() != partition_bytes + 8) return {};
  return Reader{key.substr(partition_bytes)}.be64();
}

}  // namespace perdure::storage::keys
