// SPDX-License-Identifier: Apache-2.0
#include "memory_disk.hpp"

#include "commit_check.hpp"

namespace perdure::storage {
namespace {

class MemoryState final : public CommitState {
 public:
  explicit MemoryState(const std::map<ObjectId, MemoryObject>& objects,
                       const std::map<std::pair<std::string, std::string>, MemoryClaim>& claims,
                       const std::map<std::uint64_t, std::string>& outbox,
                       const std::map<std::string, std::uint64_t, std::less<>>& counts)
      : objects_(objects), claims_(claims), outbox_(outbox), counts_(counts) {}

  Result<Seq> last_seq(const ObjectId& object) override {
    const auto found = objects_.find(object);
    return found == objects_.end() ? Seq{0} : found->second.last;
  }
  Result<Seq> floor_of(const ObjectId& object) override {
    const auto found = objects_.find(object);
    return found == objects_.end() ? Seq{1} : found->second.floor;
  }
  Result<bool> is_claimed(const ClaimKey& key, Timestamp now) override {
    const auto found = claims_.find({key.space, key.key});
    if (found == claims_.end()) return false;
    return !found->second.expires || *found->second.expires > now;
  }
  Result<bool> is_waiting(std::uint64_t position) override { return outbox_.contains(position); }
  Result<std::uint64_t> count_of(const std::string& name) override {
    const auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  const std::map<ObjectId, MemoryObject>& objects_;
  const std::map<std::pair<std::string, std::string>, MemoryClaim>& claims_;
  const std::map<std::uint64_t, std::string>& outbox_;
  const std::map<std::string, std::uint64_t, std::less<>>& counts_;
};

void apply_alarm(MemoryDisk::State& disk, const ObjectId& id, MemoryObject& object,
                 const AlarmChange& change) {
  if (change.previous_due) disk.due.erase({*change.previous_due, id, change.name});
  if (change.due) {
    object.alarms[change.name] = {*change.due, change.body};
    disk.due.insert({*change.due, id, change.name});
  } else {
    object.alarms.erase(change.name);
  }
}

void erase_past(MemoryDisk::State& disk, const ObjectId& id, MemoryObject& object) {
  for (const auto& [name, alarm] : object.alarms) disk.due.erase({alarm.due, id, name});
  object = {.last = object.last, .floor = object.last + 1};
}

void apply_write_set(MemoryDisk::State& disk, const WriteSet& write_set) {
  const auto& id = write_set.object;
  auto& object = disk.objects[id];
  if (write_set.past == Past::erased) erase_past(disk, id, object);
  if (write_set.record) object.records[++object.last] = *write_set.record;
  for (const auto& entry : write_set.entries) object.entries[entry.key][object.last] = entry.value;
  for (const auto& change : write_set.indexes) {
    auto& rows = disk.indexes[{id.kind, change.index}];
    if (change.op == IndexChange::Op::put) {
      rows.insert_or_assign({change.key, id.id}, change.value);
    } else {
      rows.erase({change.key, id.id});
    }
  }
  for (const auto& change : write_set.alarms) apply_alarm(disk, id, object, change);
  for (const auto& event : write_set.events) {
    const auto position = ++disk.last_event;
    disk.events.emplace(position, EventRow{position, event});
  }
  for (const auto position : write_set.takes) disk.outbox.erase(position);
  for (const auto& body : write_set.sends) disk.outbox.emplace(++disk.last_send, body);
  for (const auto& release : write_set.releases) disk.claims.erase({release.space, release.key});
  for (const auto& claim : write_set.claims) {
    disk.claims[{claim.space, claim.key}] = {claim.value, claim.expires};
  }
  for (const auto& change : write_set.counts) {
    auto& count = disk.counts[change.name];
    count = add_to_count(count, change);
    if (count == 0) disk.counts.erase(change.name);
  }
  for (const auto& pin : write_set.pins) {
    if (pin.body) {
      object.pins[pin.seq] = *pin.body;
    } else {
      object.pins.erase(pin.seq);
    }
  }
}

}  // namespace

std::vector<Outcome> MemoryDisk::State::apply(std::span<const Unit> units, Timestamp now) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(units.size());
  MemoryState state{objects, claims, outbox, counts};
  bool wrote = false;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& unit = units[i];
    const CommitRules rules{.epoch = epoch, .now = now, .earlier = units.first(i)};
    if (auto checked = check_unit(unit, rules, state); !checked) {
      outcomes.emplace_back(fail(std::move(checked).error()));
      continue;
    }
    const auto event = last_event;
    const auto send = last_send;
    for (const auto& write_set : unit.write_sets) apply_write_set(*this, write_set);
    outcomes.emplace_back(Committed{.commit_number = commit_number + 1,
                                    .first_event_position = last_event > event ? event + 1 : 0,
                                    .first_outbox_position = last_send > send ? send + 1 : 0});
    wrote = true;
  }
  if (wrote) {
    ++commit_number;
    unsynced_trims.clear();
  }
  return outcomes;
}

MemoryDisk::MemoryDisk() : state_(std::make_unique<State>()) {}
MemoryDisk::~MemoryDisk() = default;

void MemoryDisk::State::lose_trims(TailAfterCrash tail, std::uint64_t dice) {
  const auto is_lost = [&](std::size_t place) {
    switch (tail) {
      case TailAfterCrash::kept: return false;
      case TailAfterCrash::lost: return true;
      case TailAfterCrash::torn: return !doubtful && place + 1 == unsynced_trims.size();
      case TailAfterCrash::mixed: return (dice >> (place % 64) & 1) == 0;
    }
    return false;
  };
  for (auto place = unsynced_trims.size(); place > 0; --place) {
    if (!is_lost(place - 1)) continue;
    auto& trim = unsynced_trims[place - 1];
    if (trim.object.kind.empty()) {
      events = std::move(trim.events_before);
    } else {
      objects[trim.object] = std::move(trim.before);
    }
  }
  unsynced_trims.clear();
}

void MemoryDisk::crash(TailAfterCrash tail, std::uint64_t dice) {
  const std::lock_guard lock{state_->mutex};
  ++state_->crashes;
  state_->lose_trims(tail, dice);
  if (!state_->doubtful) return;
  state_->doubtful->survives =
      tail == TailAfterCrash::kept || (tail == TailAfterCrash::mixed && dice % 2 == 1);
}

void MemoryDisk::cut_off(std::vector<Unit> units, Timestamp now) {
  const std::lock_guard lock{state_->mutex};
  PERDURE_CHECK(!state_->doubtful, "a commit after one that failed");
  state_->doubtful = State::Doubtful{.units = std::move(units), .now = now, .survives = false};
}

std::vector<ObjectId> MemoryDisk::objects() const {
  const std::lock_guard lock{state_->mutex};
  std::vector<ObjectId> names;
  for (const auto& [name, object] : state_->objects) names.push_back(name);
  return names;
}

void MemoryDisk::lose_acknowledged(std::uint64_t commits) {
  const std::lock_guard lock{state_->mutex};
  state_->commit_number -= std::min(commits, state_->commit_number);
}

}  // namespace perdure::storage
