// SPDX-License-Identifier: Apache-2.0
#include "record.hpp"

#include <fmt/format.h>

#include <charconv>

#include "meta_codec.hpp"
#include "perdure/runtime/journal_check.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t digest_bytes = 16;

void put_entries(std::string& out, const std::vector<RecordEntry>& entries) {
  put_varint(out, entries.size());
  for (const auto& entry : entries) {
    put_bytes(out, entry.key);
    put_bytes(out, entry.digest ? std::string_view{*entry.digest} : std::string_view{});
  }
}

std::vector<RecordEntry> read_entries(Reader& in) {
  std::vector<RecordEntry> entries;
  for (auto left = in.varint(); left > 0 && !in.failed(); --left) {
    RecordEntry entry{.key = std::string{in.bytes()}, .digest = {}};
    if (const auto digest = in.bytes(); !digest.empty()) entry.digest = digest;
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

std::string encode_record(const Record& record) {
  std::string out;
  out.reserve(160 + record.root.size());
  put_varint(out, meta_format(record.meta));
  out += bytes_of(record.previous_hash);
  put_meta(out, record.meta);
  put_bytes(out, record.command);
  put_bytes(out, record.request_id);
  put_bytes(out, record.traceparent);
  put_entries(out, record.entries);
  put_varint(out, record.topics.size());
  for (const auto& topic : record.topics) put_bytes(out, topic);
  put_bytes(out, record.root);
  return out;
}

Result<Record> decode_record(const ObjectId& object, const storage::RecordRow& row) {
  Reader in{row.record};
  const auto format = in.varint();
  if (format > record_format && !in.failed()) {
    return fail(ErrorCode::newer_version,
                fmt::format("record {} of {} has format {}; this code reads up to {}", row.seq,
                            to_string(object), format, record_format));
  }
  if (format == 0) {
    return fail(ErrorCode::corrupt,
                fmt::format("record {} of {} has no known format", row.seq, to_string(object)));
  }
  Record record;
  const auto previous = in.raw(record.previous_hash.size());
  std::copy(previous.begin(), previous.end(), record.previous_hash.begin());
  record.meta.seq = row.seq;
  const bool is_meta = read_meta(in, format, object, record.meta);
  record.command = in.bytes();
  record.request_id = in.bytes();
  record.traceparent = in.bytes();
  record.entries = read_entries(in);
  for (auto left = in.varint(); left > 0 && !in.failed(); --left) {
    record.topics.emplace_back(in.bytes());
  }
  record.root = in.bytes();
  if (!in.done() || !is_meta) {
    return fail(ErrorCode::corrupt,
                fmt::format("record {} of {} cannot be read: it is cut short or changed", row.seq,
                            to_string(object)));
  }
  return record;
}

Sha256 hash_record(const ObjectId& object, Seq seq, std::string_view encoded) {
  std::string place;
  put_bytes(place, object.kind);
  put_bytes(place, object.id);
  put_be64(place, seq);
  return sha256({place, encoded});
}

std::string event_id(const ObjectId& object, Seq seq, std::size_t index) {
  return fmt::format("{}:{}:{}-{}", object.kind, object.id, seq, index);
}

Seq seq_of_event(std::string_view id) {
  // Of KIND:ID:SEQ-INDEX the end is fixed; ids of objects hold what they like.
  const auto colon = id.rfind(':');
  const auto dash = id.rfind('-');
  if (colon == std::string_view::npos || dash == std::string_view::npos || dash < colon) return 0;
  const auto digits = id.substr(colon + 1, dash - colon - 1);
  Seq seq = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  return error == std::errc{} && end == digits.data() + digits.size() ? seq : 0;
}

std::string digest_value(std::string_view value) {
  return std::string{bytes_of(sha256(value)).substr(0, digest_bytes)};
}

}  // namespace perdure::runtime

namespace perdure {

storage::RecordCheck journal_check() {
  return [](const ObjectId& object, const storage::RecordRow& row,
            const std::optional<storage::RecordRow>& previous) -> std::string {
    const auto record = runtime::decode_record(object, row);
    if (!record) return to_string(record.error());
    if (!previous) return {};
    const auto expected = runtime::hash_record(object, previous->seq, previous->record);
    if (record->previous_hash != expected) {
      return fmt::format("record {} of {} does not continue the hash chain of record {}", row.seq,
                         to_string(object), previous->seq);
    }
    return {};
  };
}

}  // namespace perdure
