// SPDX-License-Identifier: Apache-2.0
// The rows of a disk in memory: each change counts what it adds and takes away.
#include <fmt/format.h>

#include <algorithm>

#include "commit_check.hpp"
#include "memory_disk.hpp"

namespace perdure::storage {

namespace {

/// The last sixteenth of the bound is the reserve.
constexpr std::size_t reserve_divisor = 16;
/// So many claims that have expired go with each commit: more than one commit's units add on
/// average, so they never pile up.
constexpr std::size_t swept_at_once = 256;

std::size_t of_entries(const MemoryObject& object) {
  std::size_t bytes = 0;
  for (const auto& [key, versions] : object.entries) {
    bytes += weight::of(key);
    for (const auto& version : versions) bytes += weight::of_version(version.second);
  }
  return bytes;
}

}  // namespace

std::size_t weight::of_rows(const ObjectId& id, const MemoryObject& object) {
  auto bytes = weight::object + id.kind.size() + id.id.size() + of_entries(object);
  for (const auto& [seq, record] : object.records) bytes += of(record);
  for (const auto& [name, alarm] : object.alarms) bytes += of_alarm(id, name, alarm.body);
  for (const auto& [seq, body] : object.pins) bytes += of(body);
  return bytes;
}

std::size_t weight::of_unit(const Unit& unit) {
  std::size_t bytes = 0;
  for (const auto& set : unit.write_sets) {
    if (set.expected_seq == 0) bytes += object + set.object.kind.size() + set.object.id.size();
    if (set.record) bytes += of(*set.record);
    for (const auto& entry : set.entries) bytes += of(entry.key) + of_version(entry.value);
    for (const auto& change : set.indexes) {
      if (change.op == IndexChange::Op::erase) continue;
      bytes += of_index_row(change.key, set.object.id, change.value);
    }
    for (const auto& alarm : set.alarms) {
      if (alarm.due) bytes += of_alarm(set.object, alarm.name, alarm.body);
    }
    for (const auto& event : set.events) bytes += of(event);
    for (const auto& sent : set.sends) bytes += of(sent);
    for (const auto& claim : set.claims) {
      bytes += of_claim(claim.space, claim.key, claim.value, claim.expires);
    }
    for (const auto& pin : set.pins) bytes += pin.body ? of(*pin.body) : 0;
    for (const auto& count : set.counts) bytes += of(count.name);
  }
  return bytes;
}

std::size_t MemoryDisk::State::counted_anew() const {
  std::size_t sum = 0;
  for (const auto& [id, object] : objects) sum += weight::of_rows(id, object);
  for (const auto& [name, rows] : indexes) {
    for (const auto& [row, value] : rows) sum += weight::of_index_row(row.first, row.second, value);
  }
  for (const auto& [name, count] : counts) sum += weight::of(name);
  for (const auto& [name, claim] : claims) {
    sum += weight::of_claim(name.first, name.second, claim.value, claim.expires);
  }
  for (const auto& [position, event] : events) sum += weight::of(event.body);
  for (const auto& [position, body] : outbox) sum += weight::of(body);
  return sum;
}

Result<void> MemoryDisk::State::check_room(const Unit& unit) const {
  if (options.bytes_max == no_bound) return {};
  const auto added = weight::of_unit(unit);
  const auto has = [&](const auto& is) { return std::ranges::any_of(unit.write_sets, is); };
  const bool makes_room = has([](const WriteSet& set) { return set.past == Past::erased; });
  const bool has_reserve = makes_room || !has([](const WriteSet& set) {
                             return set.record.has_value() && set.room == Room::general;
                           });
  const auto reserve = has_reserve ? std::size_t{0} : options.bytes_max / reserve_divisor;
  if (bytes + added + reserve <= options.bytes_max || makes_room) return {};
  Error error{.code = ErrorCode::unavailable,
              .detail = fmt::format(
                  "the store is in memory and full: {} of {} bytes are used ({}); delete and purge "
                  "objects, keep less history, or raise the setting",
                  bytes, options.bytes_max, options.bytes_max_setting)};
  error.fields = {{"storage", "memory_full", error.detail}};
  error.retry_after = std::chrono::seconds{5};
  return fail(std::move(error));
}

void MemoryDisk::State::sweep_claims(Timestamp now) {
  for (std::size_t swept = 0; swept < swept_at_once && !expiries.empty(); ++swept) {
    if (expiries.begin()->first > now) return;
    erase_claim(ClaimName{expiries.begin()->second});
  }
}

void MemoryDisk::State::put_record(MemoryObject& object, std::string record) {
  bytes += weight::of(record);
  object.records.emplace(++object.last, std::move(record));
}

void MemoryDisk::State::put_entry(MemoryObject& object, const EntryChange& change) {
  const auto [entry, is_new] = object.entries.try_emplace(change.key);
  if (is_new) bytes += weight::of(change.key);
  auto& versions = entry->second;
  if (const auto same = versions.find(object.last); same != versions.end()) {
    bytes -= weight::of_version(same->second);
  }
  bytes += weight::of_version(change.value);
  versions.insert_or_assign(object.last, change.value);
}

void MemoryDisk::State::change_index(const ObjectId& id, const IndexChange& change) {
  auto& rows = indexes[{id.kind, change.index}];
  if (const auto found = rows.find({change.key, id.id}); found != rows.end()) {
    bytes -= weight::of_index_row(change.key, id.id, found->second);
    rows.erase(found);
  }
  if (change.op == IndexChange::Op::erase) return;
  bytes += weight::of_index_row(change.key, id.id, change.value);
  rows.emplace(std::pair{change.key, id.id}, change.value);
}

void MemoryDisk::State::change_alarm(const ObjectId& id, MemoryObject& object,
                                     const AlarmChange& change) {
  if (const auto found = object.alarms.find(change.name); found != object.alarms.end()) {
    bytes -= weight::of_alarm(id, change.name, found->second.body);
    due.erase({found->second.due, id, change.name});
    object.alarms.erase(found);
  }
  if (!change.due) return;
  bytes += weight::of_alarm(id, change.name, change.body);
  object.alarms.emplace(change.name, MemoryAlarm{*change.due, change.body});
  due.insert({*change.due, id, change.name});
}

void MemoryDisk::State::erase_claim(const ClaimName& name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return;
  const auto& claim = found->second;
  bytes -= weight::of_claim(name.first, name.second, claim.value, claim.expires);
  if (claim.expires) expiries.erase({*claim.expires, name});
  claims.erase(found);
}

void MemoryDisk::State::put_claim(const Claim& claim) {
  ClaimName name{claim.space, claim.key};
  erase_claim(name);
  bytes += weight::of_claim(claim.space, claim.key, claim.value, claim.expires);
  if (claim.expires) expiries.emplace(*claim.expires, name);
  claims.emplace(std::move(name), MemoryClaim{claim.value, claim.expires});
}

void MemoryDisk::State::change_count(const CountChange& change) {
  const auto [count, is_new] = counts.try_emplace(change.name, 0);
  if (is_new) bytes += weight::of(change.name);
  count->second = add_to_count(count->second, change);
  if (count->second != 0) return;
  bytes -= weight::of(change.name);
  counts.erase(count);
}

void MemoryDisk::State::change_pin(MemoryObject& object, const PinChange& change) {
  if (const auto found = object.pins.find(change.seq); found != object.pins.end()) {
    bytes -= weight::of(found->second);
    object.pins.erase(found);
  }
  if (!change.body) object.trims_all = true;
  if (!change.body) return;
  bytes += weight::of(*change.body);
  object.pins.emplace(change.seq, *change.body);
}

void MemoryDisk::State::put_event(EventRow row) {
  if (const auto found = events.find(row.position); found != events.end()) erase_event(found);
  bytes += weight::of(row.body);
  const auto position = row.position;
  events.emplace(position, std::move(row));
}

void MemoryDisk::State::erase_event(std::map<std::uint64_t, EventRow>::iterator row) {
  bytes -= weight::of(row->second.body);
  events.erase(row);
}

void MemoryDisk::State::erase_outbox(std::uint64_t position) {
  const auto found = outbox.find(position);
  if (found == outbox.end()) return;
  bytes -= weight::of(found->second);
  outbox.erase(found);
}

void MemoryDisk::State::erase_past(const ObjectId& id, MemoryObject& object) {
  for (const auto& [name, alarm] : object.alarms) due.erase({alarm.due, id, name});
  bytes -= weight::of_rows(id, object);
  object = {.last = object.last, .floor = object.last + 1};
  bytes += weight::of_rows(id, object);
}

void MemoryDisk::State::apply(const WriteSet& write_set) {
  const auto& id = write_set.object;
  const auto [found, is_new] = objects.try_emplace(id);
  auto& object = found->second;
  if (is_new) bytes += weight::of_rows(id, object);
  if (write_set.past == Past::erased) erase_past(id, object);
  if (write_set.record) put_record(object, *write_set.record);
  for (const auto& entry : write_set.entries) put_entry(object, entry);
  for (const auto& change : write_set.indexes) change_index(id, change);
  for (const auto& change : write_set.alarms) change_alarm(id, object, change);
  for (const auto& event : write_set.events) put_event({++last_event, event});
  for (const auto position : write_set.takes) erase_outbox(position);
  for (const auto& body : write_set.sends) {
    bytes += weight::of(body);
    outbox.emplace(++last_send, body);
  }
  for (const auto& release : write_set.releases) erase_claim({release.space, release.key});
  for (const auto& claim : write_set.claims) put_claim(claim);
  for (const auto& change : write_set.counts) change_count(change);
  for (const auto& pin : write_set.pins) change_pin(object, pin);
}

}  // namespace perdure::storage
