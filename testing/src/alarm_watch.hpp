// SPDX-License-Identifier: Apache-2.0
// AlarmWatch: sees to it that no object, and no owner, has more alarms going off within a second
// than it may.
#pragma once

#include <deque>
#include <map>

#include "perdure/testing/world.hpp"

namespace perdure::testing {

/// Lifetime  outlives the world.
class AlarmWatch final : public Hooks {
 public:
  void attach(World& world, const AlarmLimits& limits) {
    world_ = &world;
    limits_ = limits;
  }
  void alarm_fired(const ObjectId& object, Milliseconds late) override;

 private:
  using Times = std::deque<Milliseconds>;  ///< of the last second

  void note(Times& times, std::size_t most, const std::string& whose);

  World* world_ = nullptr;
  AlarmLimits limits_;
  std::uint64_t life_ = 0;  ///< of the world: another process knows nothing of the one before
  std::map<ObjectId, Times> by_object_;
  std::map<std::string, Times> by_owner_;
  std::map<ObjectId, std::string> owners_;
};

}  // namespace perdure::testing
