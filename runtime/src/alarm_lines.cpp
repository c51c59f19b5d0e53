// SPDX-License-Identifier: Apache-2.0
#include "alarm_lines.hpp"

#include <algorithm>

namespace perdure::runtime {

using storage::AlarmPlace;

AlarmLines::AlarmLines(const AlarmLimits& limits)
    : object_rate_(limits.object_rate), owner_rate_(limits.owner_rate) {}

std::size_t AlarmLines::room(OwnerKey owner) const {
  const auto free = waiting_max - std::min(waiting_, waiting_max);
  const auto most = std::clamp(free / 4, owner_waiting_min, owner_waiting_max);
  return most - std::min(waiting(owner), most);
}

std::size_t AlarmLines::waiting(OwnerKey owner) const {
  const auto found = owners_.find(owner);
  return found == owners_.end() ? 0 : found->second.waiting;
}

bool AlarmLines::contains(OwnerKey owner, const AlarmPlace& alarm) const {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return false;
  const auto line = found->second.lines.find(alarm.object);
  return line != found->second.lines.end() &&
         line->second.waiting.contains({alarm.due, alarm.name});
}

void AlarmLines::add(OwnerKey key, const AlarmPlace& alarm, Microseconds now) {
  forget_rested(now);
  auto& owner = owners_[key];
  auto& line = owner.lines[alarm.object];
  const bool begins = line.waiting.empty();
  if (begins) resting_.erase({line.rested, key, alarm.object});
  if (!line.waiting.emplace(alarm.due, alarm.name).second) return;
  ++owner.waiting;
  ++waiting_;
  if (!begins) return;
  leave(key, owner);
  enter(owner, alarm.object, line, now);
  enter(key, owner);
}

void AlarmLines::enter(Owner& owner, const ObjectId& object, Line& line, Microseconds now) {
  line.ready = std::max(line.meter.ready_at(object_rate_), now);
  owner.order.emplace(line.ready, object);
}

void AlarmLines::enter(OwnerKey key, Owner& owner) {
  if (owner.queued || owner.order.empty()) return;
  owner.ready = std::max(owner.meter.ready_at(owner_rate_), owner.order.begin()->first);
  order_.emplace(owner.ready, key);
}

void AlarmLines::leave(OwnerKey key, Owner& owner) {
  if (!owner.queued) order_.erase({owner.ready, key});
}

std::optional<AlarmLines::Taken> AlarmLines::take(Microseconds now) {
  forget_rested(now);
  while (!order_.empty() && order_.begin()->first <= now) {
    const auto key = order_.begin()->second;
    order_.erase(order_.begin());
    owners_.at(key).queued = true;
    const auto queued = queue_.push(key, Turn{});
    PERDURE_CHECK(queued == Queued::yes, "an owner's only place was refused");
  }
  while (const auto turn = queue_.take()) {
    const auto key = turn->owner;
    if (!may_go(key, now)) {
      queue_.finish(key, 0);
      continue;
    }
    auto& owner = owners_.at(key);
    owner.queued = false;
    owner.meter.take(owner_rate_, now);
    auto alarm = take_first(key, owner, now);
    enter(key, owner);
    return Taken{key, std::move(alarm)};
  }
  return {};
}

// Between its place in the queue and its turn all may have been forgotten, and other alarms added.
bool AlarmLines::may_go(OwnerKey key, Microseconds now) {
  auto& owner = owners_.at(key);
  if (!owner.order.empty() && owner.order.begin()->first <= now) return true;
  owner.queued = false;
  enter(key, owner);
  if (owner.lines.empty()) owners_.erase(key);
  return false;
}

AlarmPlace AlarmLines::take_first(OwnerKey key, Owner& owner, Microseconds now) {
  const auto object = owner.order.begin()->second;
  owner.order.erase(owner.order.begin());
  auto& line = owner.lines.at(object);
  auto first = line.waiting.extract(line.waiting.begin());
  line.meter.take(object_rate_, now);
  --owner.waiting;
  --waiting_;
  if (line.waiting.empty()) {
    rest(key, owner, object, line);
  } else {
    enter(owner, object, line, now);
  }
  return {first.value().first, object, std::move(first.value().second)};
}

void AlarmLines::finish(OwnerKey owner) { queue_.finish(owner, 1); }

std::optional<Microseconds> AlarmLines::next() const {
  if (order_.empty()) return {};
  return order_.begin()->first;
}

void AlarmLines::rest(OwnerKey key, const Owner& owner, const ObjectId& object, Line& line) {
  line.rested = std::max(line.meter.rested_at(), owner.meter.rested_at());
  resting_.insert({line.rested, key, object});
}

void AlarmLines::forget_rested(Microseconds now) {
  while (!resting_.empty() && resting_.begin()->until <= now) {
    const auto rested = resting_.extract(resting_.begin());
    auto& owner = owners_.at(rested.value().owner);
    owner.lines.erase(rested.value().object);
    // The owner's own rate was last used by one of its lines.
    if (owner.lines.empty() && !owner.queued) owners_.erase(rested.value().owner);
  }
}

void AlarmLines::clear() {
  for (auto& [key, owner] : owners_) {
    owner.order.clear();
    owner.waiting = 0;
    for (auto& [object, line] : owner.lines) {
      if (line.waiting.empty()) continue;
      line.waiting.clear();
      rest(key, owner, object, line);
    }
  }
  order_.clear();
  waiting_ = 0;
}

void AlarmLines::check_invariants() const {
  std::size_t waiting = 0;
  for (const auto& [key, owner] : owners_) {
    std::size_t of_owner = 0;
    for (const auto& [object, line] : owner.lines) {
      of_owner += line.waiting.size();
      PERDURE_CHECK(owner.order.contains({line.ready, object}) == !line.waiting.empty(),
                    "a line of alarms is out of order");
      PERDURE_CHECK(resting_.contains({line.rested, key, object}) == line.waiting.empty(),
                    "a line without alarms is lost");
    }
    PERDURE_CHECK(of_owner == owner.waiting, "the count of an owner's alarms is off");
    PERDURE_CHECK(order_.contains({owner.ready, key}) == (!owner.queued && owner.waiting > 0),
                  "an owner of alarms is out of order");
    waiting += of_owner;
  }
  PERDURE_CHECK(waiting == waiting_, "the count of alarms that wait is off");
  queue_.check_invariants();
}

}  // namespace perdure::runtime
