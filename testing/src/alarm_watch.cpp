// SPDX-License-Identifier: Apache-2.0
#include "alarm_watch.hpp"

#include <fmt/format.h>

namespace perdure::testing {

void AlarmWatch::alarm_fired(const ObjectId& object, Milliseconds /*late*/) {
  if (world_ == nullptr) return;
  if (std::exchange(life_, world_->life()) != world_->life()) {
    by_object_.clear();
    by_owner_.clear();
  }
  note(by_object_[object], limits_.object_rate, to_string(object));
  if (!owners_.contains(object)) {
    const auto view = world_->runtime().inspect(object);
    if (!view) return;
    owners_.emplace(object, view->meta.origin->owner.text());
  }
  const auto& owner = owners_.at(object);
  if (!owner.empty()) note(by_owner_[owner], limits_.owner_rate, "the owner " + owner);
}

void AlarmWatch::note(Times& times, std::size_t most, const std::string& whose) {
  const auto now = world_->clock().monotonic();
  times.push_back(now);
  while (now - times.front() >= std::chrono::seconds{1}) times.pop_front();
  world_->expect(times.size() <= most, [&] {
    return fmt::format("{} alarms of {} go off within a second", times.size(), whose);
  });
}

}  // namespace perdure::testing
