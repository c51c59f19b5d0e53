// SPDX-License-Identifier: Apache-2.0
#include "turn_context.hpp"

#include <fmt/format.h>

namespace perdure::runtime {

namespace {

[[noreturn]] void too_large(std::string detail) {
  throw Failure({.code = ErrorCode::too_large, .detail = std::move(detail)});
}

[[noreturn]] void invalid(std::string detail) {
  throw Failure({.code = ErrorCode::invalid, .detail = std::move(detail)});
}

void check_entry_key(std::string_view key) {
  if (key.empty() || key.size() > limits::entry_key_bytes_max ||
      key.find('\0') != std::string_view::npos) {
    invalid("an entry's key is 1 to 512 bytes without NUL");
  }
}

bool is_topic(std::string_view topic) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  bool expects_letter = true;
  for (const char c : topic) {
    if (!letter(c) && (c != '.' || expects_letter)) return false;
    expects_letter = c == '.';
  }
  return !expects_letter && topic.size() <= 200;
}

}  // namespace

TurnContext::TurnContext(const Envelope& envelope, const ObjectMeta& meta, Seq born_seq,
                         Timestamp now, const storage::Store& store, const PendingEntries& pending,
                         TurnLimits turn_limits)
    : envelope_(envelope),
      meta_(meta),
      now_(now),
      limits_(turn_limits),
      layered_(store, meta.object(), &requests_.entries, &pending, born_seq) {}

Random& TurnContext::random() {
  if (!random_) random_.emplace(envelope_.random_seed);
  return *random_;
}

void TurnContext::publish(std::string topic, Json data) {
  if (!is_topic(topic)) {
    invalid("a topic is a dotted name of letters, digits, - and _, at most 200 bytes");
  }
  if (requests_.events.size() >= limits::turn_events_max) {
    too_large(fmt::format("a turn publishes at most {} events", limits::turn_events_max));
  }
  requests_.events.push_back({std::move(topic), std::move(data)});
}

void TurnContext::claim(std::string space, std::string key) {
  if (space.empty() || space.find('\0') != std::string::npos) {
    invalid("a claim's space is not empty and holds no NUL");
  }
  requests_.claims.push_back({std::move(space), std::move(key)});
}

void TurnContext::release(std::string space, std::string key) {
  requests_.releases.push_back({std::move(space), std::move(key)});
}

std::optional<Entry> TurnContext::get(std::string_view key) const { return layered_.get(key); }

std::vector<Entry> TurnContext::range(const EntryRange& range) const {
  return layered_.range(range);
}

void TurnContext::put(std::string key, std::string value) {
  check_entry_key(key);
  if (value.size() > limits::entry_value_bytes_max) {
    too_large(fmt::format("entry {} has {} bytes; an entry has at most {}", key, value.size(),
                          limits::entry_value_bytes_max));
  }
  change(std::move(key), std::move(value));
}

void TurnContext::erase(std::string key) {
  check_entry_key(key);
  change(std::move(key), {});
}

void TurnContext::change(std::string key, std::optional<std::string> value) {
  bytes_ += key.size() + (value ? value->size() : 0);
  auto& entries = requests_.entries;
  entries.insert_or_assign(std::move(key), PendingEntry{meta_.seq + 1, std::move(value)});
  if (entries.size() > limits_.entries_max || bytes_ > limits_.bytes_max) {
    too_large(fmt::format("a turn changes at most {} entries and {} bytes", limits_.entries_max,
                          limits_.bytes_max));
  }
}

}  // namespace perdure::runtime
