// SPDX-License-Identifier: Apache-2.0
// Commits to a disk in memory, and its crashes.
#include "memory_disk.hpp"

#include "commit_check.hpp"

namespace perdure::storage {
namespace {

class MemoryState final : public CommitState {
 public:
  explicit MemoryState(const MemoryDisk::State& disk) : disk_(disk) {}

  Result<Seq> last_seq(const ObjectId& object) override {
    const auto found = disk_.objects.find(object);
    return found == disk_.objects.end() ? Seq{0} : found->second.last;
  }
  Result<Seq> floor_of(const ObjectId& object) override {
    const auto found = disk_.objects.find(object);
    return found == disk_.objects.end() ? Seq{1} : found->second.floor;
  }
  Result<bool> is_claimed(const ClaimKey& key, Timestamp now) override {
    const auto found = disk_.claims.find({key.space, key.key});
    if (found == disk_.claims.end()) return false;
    return !found->second.expires || *found->second.expires > now;
  }
  Result<bool> is_waiting(std::uint64_t position) override {
    return disk_.outbox.contains(position);
  }
  Result<std::uint64_t> count_of(const std::string& name) override {
    const auto found = disk_.counts.find(name);
    return found == disk_.counts.end() ? 0 : found->second;
  }

 private:
  const MemoryDisk::State& disk_;
};

}  // namespace

std::vector<Outcome> MemoryDisk::State::apply(std::span<const Unit> units, Timestamp now) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(units.size());
  MemoryState state{*this};
  bool wrote = false;
  sweep_claims(now);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& unit = units[i];
    const CommitRules rules{.epoch = epoch, .now = now, .earlier = units.first(i)};
    auto checked = check_unit(unit, rules, state);
    if (checked) checked = check_room(unit);
    if (!checked) {
      outcomes.emplace_back(fail(std::move(checked).error()));
      continue;
    }
    const auto event = last_event;
    const auto send = last_send;
    for (const auto& write_set : unit.write_sets) apply(write_set);
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

MemoryDisk::MemoryDisk(MemoryOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
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
  bytes = counted_anew();
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

std::size_t MemoryDisk::bytes() const {
  const std::lock_guard lock{state_->mutex};
  return state_->bytes;
}

void MemoryDisk::check_invariants() const {
  const std::lock_guard lock{state_->mutex};
  const auto& disk = *state_;
  PERDURE_CHECK(disk.bytes == disk.counted_anew(), "the bytes of the rows are miscounted");
  std::size_t expiring = 0;
  for (const auto& [name, claim] : disk.claims) {
    if (!claim.expires) continue;
    ++expiring;
    PERDURE_CHECK(disk.expiries.contains({*claim.expires, name}), "a claim that is never swept");
  }
  PERDURE_CHECK(expiring == disk.expiries.size(), "an expiry without its claim");
}

void MemoryDisk::lose_acknowledged(std::uint64_t commits) {
  const std::lock_guard lock{state_->mutex};
  state_->commit_number -= std::min(commits, state_->commit_number);
}

}  // namespace perdure::storage
