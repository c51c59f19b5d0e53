// SPDX-License-Identifier: Apache-2.0
// What a crash takes: the actor system, the runtime's core, and what is on its way to the disk.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <optional>
#include <string>

#include "core.hpp"
#include "perdure/testing/world.hpp"

namespace perdure::testing {

struct World::Machine {
  Machine();

  [[nodiscard]] caf::actor_system& system() { return *system_; }
  [[nodiscard]] std::size_t actors_waiting() const;
  /// Runs the actor at a place among those that have something to do. False when there is none.
  bool run_actor(std::size_t place = 0);
  /// When an alarm or an outbox item is due next.
  [[nodiscard]] std::optional<Timestamp> next_due() const;

  Runtime::Core* core = nullptr;  ///< owned by the runtime
  std::optional<runtime::Committer::Batch> batch;
  Milliseconds batch_ready_at{0};  ///< monotonic

 private:
  [[nodiscard]] caf::scheduler::test_coordinator& scheduler() const;

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

/// The objects of a batch, for the story.
[[nodiscard]] std::string names_of(const runtime::Committer::Batch& batch);

}  // namespace perdure::testing
