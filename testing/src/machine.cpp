// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace perdure::testing {

World::Machine::Machine(Next next) : next_(next) {
  config_.set("scheduler.policy", caf::atom("testing"));
  system_ = std::make_unique<caf::actor_system>(config_);
}

caf::scheduler::test_coordinator& World::Machine::scheduler() const {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

World::Machine::~Machine() {
  while (const auto taken = owners_.take()) scheduler().jobs.push_back(taken->item);
}

std::size_t World::Machine::actors_waiting() const {
  return scheduler().jobs.size() + owners_.waiting();
}

bool World::Machine::run_next_owner() {
  auto& jobs = scheduler().jobs;
  for (; !jobs.empty(); jobs.pop_front()) {
    PERDURE_CHECK(
        owners_.push(runtime::owner_of(*jobs.front()), std::move(jobs.front())) == Queued::yes,
        "its queue has no bound");
  }
  const auto taken = owners_.take();
  if (!taken) return false;
  jobs.push_front(taken->item);
  scheduler().run_once();
  owners_.finish(taken->owner, 1);
  owners_.check_invariants();
  return true;
}

bool World::Machine::run_actor(std::size_t place) {
  if (next_ == Next::of_owner) return run_next_owner();
  auto& jobs = scheduler().jobs;
  if (jobs.empty()) return false;
  const auto picked = jobs.begin() + static_cast<std::ptrdiff_t>(place);
  std::rotate(jobs.begin(), picked, picked + 1);
  scheduler().run_once();
  return true;
}

std::optional<Milliseconds> World::Machine::next_due() const {
  auto due = core->agenda().next_step();
  const auto alarms = core->store().alarms_due(Timestamp::max(), 1);
  if (!alarms || alarms->empty()) return due;
  const auto& clock = core->clock();
  // An alarm may be due after any time that can be said.
  const auto wait =
      std::min<Milliseconds>(alarms->front().due - clock.now(), std::chrono::hours{24});
  return std::min(due.value_or(Milliseconds::max()), clock.monotonic() + wait);
}

std::string names_of(const runtime::Committer::Batch& batch) {
  std::string names;
  for (const auto& unit : batch.units) {
    names += names.empty() ? "[" : " [";
    for (const auto& write_set : unit.write_sets) {
      if (names.back() != '[') names += ", ";
      names += write_set.record ? fmt::format("{} seq {}", to_string(write_set.object),
                                              write_set.expected_seq + 1)
                                : to_string(write_set.object) + " housekeeping";
    }
    names += "]";
  }
  const auto replies = batch.submissions.size() - batch.units.size();
  return replies == 0 ? names : fmt::format("{} and {} replies that waited", names, replies);
}

}  // namespace perdure::testing
