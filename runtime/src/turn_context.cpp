// SPDX-License-Identifier: Apache-2.0
#include "turn_context.hpp"

#include <fmt/format.h>

#include "perdure/base/uri.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t read_max = 64;

[[noreturn]] void too_large(std::string detail) {
  throw Failure({.code = ErrorCode::too_large, .detail = std::move(detail)});
}

[[noreturn]] void invalid(std::string detail) {
  throw Failure({.code = ErrorCode::invalid, .detail = std::move(detail)});
}

void check(Result<void> valid) {
  if (!valid) throw Failure(std::move(valid).error());
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
                         const TurnSurroundings& around, TurnLimits turn_limits)
    : envelope_(envelope),
      meta_(meta),
      now_(accepted_at(envelope, around.times)),
      store_(around.store),
      alarms_(around.alarms),
      around_(around),
      alarm_period_min_(around.rules.alarm_period_min),
      begins_life_(born_seq == meta.seq + 1),
      limits_(turn_limits),
      layered_(around.store, meta.object(), &requests_.entries, &around.pending, born_seq,
               storage::newest, around.gaps),
      beneath_(around.store, meta.object(), nullptr, &around.pending, born_seq) {}

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

void TurnContext::set_alarm(AlarmSpec alarm) {
  if (alarm.payload.is_null()) alarm.payload = Json::object();
  check(check_carried("/payload", alarm.payload, limits::alarm_payload_bytes_max));
  if (alarm.name.empty() || alarm.name.size() > limits::alarm_name_bytes_max ||
      alarm.name.find('\0') != std::string::npos) {
    invalid("an alarm's name is 1 to 200 bytes without NUL");
  }
  if (is_dot_segment(alarm.name)) invalid("no alarm is called . or ..: URLs cannot name it");
  check(check_period(alarm.schedule, alarm_period_min_));
  auto name = alarm.name;
  requests_.alarms.insert_or_assign(std::move(name), make_alarm(std::move(alarm), now_));
  if (requests_.alarms.size() > limits::turn_alarms_max) {
    too_large(fmt::format("a turn sets at most {} alarms", limits::turn_alarms_max));
  }
}

void TurnContext::keep_alarm(Alarm alarm) {
  auto name = alarm.spec.name;
  requests_.alarms.insert_or_assign(std::move(name), std::move(alarm));
}

bool TurnContext::cancel_alarm(std::string_view name) {
  const auto before = alarm(name);
  if (!before) return false;
  requests_.alarms.insert_or_assign(std::string{name}, std::nullopt);
  return !before->finished;
}

std::optional<Alarm> TurnContext::alarm(std::string_view name) const {
  const auto found = requests_.alarms.find(name);
  if (found != requests_.alarms.end()) return found->second;
  if (begins_life_) return {};  // what stands is of an earlier one, and ends with this turn
  auto alarm = find_alarm(store_, meta_.object(), alarms_, name);
  if (!alarm) throw Failure(std::move(alarm).error());
  return std::move(*alarm);
}

void TurnContext::add(Sent sent, const std::optional<std::string>& owner) {
  check(check_carried("/payload", sent.payload, limits::sent_payload_bytes_max));
  check(check_carried("/context", sent.context, limits::sent_context_bytes_max));
  sent.from = meta_.object();
  sent.from_life = meta_.origin->born_seq;
  // Nobody else knows of it, so a later life has not asked for it.
  if (sent.type == Sent::Type::message && sent.to == sent.from) sent.to_life = sent.from_life;
  sent.sender_owner = meta_.origin->owner.text();
  sent.owner = owner.value_or(sent.sender_owner);
  sent.request_id = envelope_.call.request_id;
  sent.traceparent = envelope_.call.traceparent;
  requests_.sends.push_back(std::move(sent));
  if (requests_.sends.size() > limits::turn_sends_max) {
    too_large(fmt::format("a turn sends at most {} messages and effects", limits::turn_sends_max));
  }
}

void TurnContext::send(Message message) {
  if (auto valid = validate(message.to); !valid) throw Failure(std::move(valid).error());
  if (message.command.empty()) invalid("a message names a command");
  Sent sent{.type = Sent::Type::message};
  sent.to = std::move(message.to);
  sent.command = std::move(message.command);
  sent.payload = message.payload.is_null() ? Json::object() : std::move(message.payload);
  sent.then = std::move(message.then);
  sent.context = std::move(message.context);
  sent.retry = message.retry;
  sent.to_life = message.life;
  add(std::move(sent), message.owner);
}

std::string TurnContext::request(EffectRequest effect) {
  if (effect.performer.empty()) invalid("an effect names a performer");
  Sent sent{.type = Sent::Type::effect};
  sent.performer = std::move(effect.performer);
  sent.effect_id = fmt::format("{}.{}", meta_.seq + 1, requests_.sends.size());
  sent.payload = std::move(effect.payload);
  sent.then = std::move(effect.then);
  sent.context = std::move(effect.context);
  sent.retry = effect.retry;
  sent.timeout = effect.timeout;
  sent.priority = effect.priority;
  auto id = sent.effect_id;
  add(std::move(sent));
  return id;
}

void TurnContext::cancel(std::string effect_id) {
  Sent sent{.type = Sent::Type::cancel};
  sent.effect_id = std::move(effect_id);
  add(std::move(sent));
}

std::optional<Entry> TurnContext::get(std::string_view key) const {
  auto entry = layered_.get(key);
  if (entry) note_read(*entry);
  return entry;
}

std::vector<Entry> TurnContext::range(const EntryRange& range) const {
  auto found = layered_.range(range);
  for (const auto& entry : found) {
    if (read_.size() >= read_max) break;
    note_read(entry);
  }
  return found;
}

void TurnContext::append(std::string stream, std::string text) {
  check(check_stream_name(stream));
  if (text.size() > limits::stream_delta_bytes_max) {
    too_large(fmt::format("a delta has {} bytes, and may have {}", text.size(),
                          limits::stream_delta_bytes_max));
  }
  bytes_ += text.size();
  if (++deltas_ > limits::turn_deltas_max || bytes_ > limits_.bytes_max) {
    too_large(fmt::format("a turn writes at most {} deltas and {} bytes", limits::turn_deltas_max,
                          limits_.bytes_max));
  }
  auto& changes = requests_.streams;
  const bool goes_on = !changes.empty() && changes.back().name == stream && !changes.back().end &&
                       !changes.back().drops;
  if (!goes_on) changes.push_back({.name = std::move(stream)});
  changes.back().deltas.push_back(std::move(text));
}

void TurnContext::end_stream(std::string stream, StreamEnd how, std::string note) {
  check(check_stream_name(stream));
  if (note.size() > limits::stream_note_bytes_max) {
    too_large(
        fmt::format("the note of an end has at most {} bytes", limits::stream_note_bytes_max));
  }
  requests_.streams.push_back({.name = std::move(stream), .end = how, .note = std::move(note)});
}

void TurnContext::drop_stream(std::string stream) {
  check(check_stream_name(stream));
  requests_.streams.push_back({.name = std::move(stream), .drops = true});
}

void* TurnContext::members_of(const std::type_info& type) {
  if (around_.members == nullptr) invalid("a step of a transaction has no members");
  auto found = around_.members->find(type, *around_.newest);
  if (!found) throw Failure(std::move(found).error());
  return *found;
}

void TurnContext::each_changed(std::string_view prefix, const ChangedEntryReader& read) const {
  const auto& changed = requests_.entries;
  for (auto at = changed.lower_bound(prefix); at != changed.end(); ++at) {
    const auto& [key, after] = *at;
    if (!key.starts_with(prefix)) return;
    std::optional<std::string> before;
    if (!begins_life_) {
      if (auto entry = beneath_.get(key)) before = std::move(entry->value);
    }
    if (before != after.value) read(key, before, after.value);
  }
}

void TurnContext::note_read(const Entry& entry) const {
  if (read_.size() >= read_max || requests_.entries.contains(entry.key)) return;
  read_.insert_or_assign(entry.key, entry.key.size() + entry.value.size());
}

std::size_t TurnContext::bytes_before(const std::string& key) const {
  if (begins_life_) return 0;
  if (const auto found = read_.find(key); found != read_.end()) return found->second;
  const auto entry = beneath_.get(key);
  return entry ? entry->key.size() + entry->value.size() : 0;
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
  const auto size_of = [&key](const std::optional<std::string>& of) {
    return of ? key.size() + of->size() : 0;
  };
  const auto written = entries.find(key);
  const auto before = written != entries.end() ? size_of(written->second.value) : bytes_before(key);
  requests_.entry_bytes +=
      static_cast<std::int64_t>(size_of(value)) - static_cast<std::int64_t>(before);
  entries.insert_or_assign(std::move(key), PendingEntry{meta_.seq + 1, std::move(value)});
  if (entries.size() > limits_.entries_max || bytes_ > limits_.bytes_max) {
    too_large(fmt::format("a turn changes at most {} entries and {} bytes", limits_.entries_max,
                          limits_.bytes_max));
  }
}

}  // namespace perdure::runtime
