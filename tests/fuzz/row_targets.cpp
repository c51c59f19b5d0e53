// SPDX-License-Identifier: Apache-2.0
// What is on disk: keys, rows, records, alarms, the outbox. What is read and written again is the
// same bytes, so each content has one form.
#include "perdure/base/codec.hpp"
#include "runtime/src/alarm_rows.hpp"
#include "runtime/src/event_feed.hpp"
#include "runtime/src/history.hpp"
#include "runtime/src/once.hpp"
#include "runtime/src/outbox_item.hpp"
#include "runtime/src/record.hpp"
#include "storage/src/keys.hpp"
#include "storage/src/rows.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

namespace keys = storage::keys;
namespace rows = storage::rows;

constexpr std::size_t partition_bytes = 2;

const ObjectId& object() {
  static const ObjectId id{"counter", "fuzz"};
  return id;
}

}  // namespace

void run_record(std::string_view input) {
  const storage::RecordRow row{7, std::string{input}};
  const auto record = runtime::decode_record(object(), row);
  if (!record) {
    const auto code = record.error().code;
    PERDURE_CHECK(code == ErrorCode::corrupt || code == ErrorCode::newer_version, "the code");
    return;
  }
  PERDURE_CHECK(runtime::encode_record(*record) == input, "a record has one form");
}

void run_alarm_row(std::string_view input) {
  const auto read = [](std::string_view body) {
    return runtime::decode_alarm({.object = object(),
                                  .name = "tick",
                                  .due = from_unix_ms(1'700'000'000'000),
                                  .body = std::string{body}});
  };
  const auto alarm = read(input);
  if (!alarm) {
    PERDURE_CHECK(alarm.error().code == ErrorCode::corrupt, "the code");
    return;
  }
  const auto text = runtime::encode_alarm(*alarm);
  const auto again = read(text);
  PERDURE_CHECK(again && runtime::encode_alarm(*again) == text, "an alarm that is written is read");
}

void run_outbox_row(std::string_view input) {
  const auto sent = runtime::decode_sent({.position = 1, .body = std::string{input}});
  if (!sent) {
    PERDURE_CHECK(sent.error().code == ErrorCode::corrupt, "the code");
    return;
  }
  const auto text = runtime::encode_sent(*sent);
  const auto again = runtime::decode_sent({.position = 1, .body = text});
  PERDURE_CHECK(again && runtime::encode_sent(*again) == text, "an item that is written is read");
}

void run_stored_reply(std::string_view input) {
  const auto stored = runtime::decode_stored_reply(input);
  if (!stored) {
    PERDURE_CHECK(stored.error().code == ErrorCode::corrupt, "the code");
    return;
  }
  const auto bytes = runtime::encode_stored_reply(*stored);
  const auto again = runtime::decode_stored_reply(bytes);
  PERDURE_CHECK(again && runtime::encode_stored_reply(*again) == bytes,
                "a reply that is written is read");
}

void run_event_row(std::string_view input) {
  const auto event = runtime::decode_event("history", 7, input);
  if (!event) {
    PERDURE_CHECK(event.error().code == ErrorCode::corrupt, "the code");
    return;
  }
  PERDURE_CHECK((*event)->cursor == "history-7", "the row's place");
  const auto shown = parse_stored_json((*event)->body);
  PERDURE_CHECK(shown && !shown->contains(runtime::event_grantees), "no reader sees grantees");
  const auto stored = parse_stored_json(input);
  PERDURE_CHECK((*event)->body == input || stored->contains(runtime::event_grantees),
                "the row's event");
}

void run_snapshot_row(std::string_view input) {
  const auto snapshot = runtime::decode_snapshot(object(), {.seq = 7, .body = std::string{input}});
  if (!snapshot) {
    PERDURE_CHECK(snapshot.error().code == ErrorCode::corrupt, "the code");
    return;
  }
  PERDURE_CHECK(snapshot->seq == 7, "the row's seq");
}

void run_storage_keys(std::string_view input) {
  if (const auto id = keys::parse_object(input)) {
    PERDURE_CHECK(keys::object_prefix(*id) == input, "an object's prefix has one form");
  }
  if (const auto row = keys::parse_index(input)) {
    const auto prefix = input.substr(0, keys::prefix_size(input));
    PERDURE_CHECK(keys::index_row(prefix, row->key, row->id) == input, "an index row's key");
  }
  if (const auto alarm = keys::parse_alarm(input)) {
    const auto prefix = keys::object_prefix(alarm->object);
    PERDURE_CHECK(keys::alarm(prefix, alarm->name) == input, "an alarm's key has one form");
  }
  if (const auto due = keys::parse_due(input)) {
    const auto key = keys::due(due->due, keys::object_prefix(due->object), due->name);
    PERDURE_CHECK(key.substr(partition_bytes) == input.substr(partition_bytes),
                  "a key by due time");
  }
  if (const auto position = keys::parse_position(input)) {
    const auto key = keys::at_position(*position);
    PERDURE_CHECK(key.substr(partition_bytes) == input.substr(partition_bytes), "a position's key");
  }
  if (const auto seq = keys::seq_of(input)) {
    const auto prefix = input.substr(0, input.size() - keys::seq_bytes);
    PERDURE_CHECK(keys::at_seq(prefix, *seq) == input, "a key at a seq");
  }
}

/// A table's letter, then a key and a value with a NUL between them.
void run_rows(std::string_view input) {
  if (input.empty()) return;
  auto table = rows::Table::meta;
  for (const auto one : rows::all_tables) {
    if (static_cast<char>(one) == input.front()) table = one;
  }
  input.remove_prefix(1);
  const auto key = take_part(input, '\0');
  if (const auto content = rows::unseal(table, key, input)) {
    PERDURE_CHECK(rows::checksum(table, key, *content) + std::string{*content} == input,
                  "a value has one form");
  }
  const auto sealed = rows::checksum(table, key, input) + std::string{input};
  const auto content = rows::unseal(table, key, sealed);
  PERDURE_CHECK(content && *content == input, "what is sealed is unsealed");
  if (const auto dead = rows::is_tombstone(input)) {
    const auto value = *dead ? std::nullopt : std::optional{std::string{input.substr(1)}};
    PERDURE_CHECK(rows::entry_content(value) == input, "an entry's content has one form");
  }
  if (const auto claim = rows::parse_claim(input)) {
    const storage::Claim again{
        .space = "", .key = "", .value = std::string{claim->value}, .expires = claim->expires};
    PERDURE_CHECK(rows::claim_content(again) == input, "a claim's content has one form");
  }
  if (const auto alarm = rows::parse_alarm(input)) {
    PERDURE_CHECK(rows::alarm_content(alarm->due, alarm->body) == input, "an alarm's content");
  }
  if (const auto commit = rows::parse_commit(input)) {
    PERDURE_CHECK(rows::commit_content(*commit) == input, "a commit's content has one form");
  }
  if (const auto number = rows::parse_number(input)) {
    PERDURE_CHECK(rows::number_content(*number) == input, "a number's content has one form");
  }
}

}  // namespace perdure::fuzz
