// SPDX-License-Identifier: Apache-2.0
// What a crash takes: the actor system, the runtime's core, and what is on its way to the disk.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core.hpp"
#include "owned.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/testing/world.hpp"

namespace perdure::testing {

struct World::Machine {
  /// Which of the actors that have something to do is run next.
  enum class Next {
    any,       ///< the one at a place that the caller chooses
    of_owner,  ///< that of the owner whose turn it is, as the runtime's own scheduler does it
  };

  explicit Machine(Next next);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] caf::actor_system& system() { return *system_; }
  [[nodiscard]] std::size_t actors_waiting() const;
  /// Runs one message of the actor at a place among those that have something to do, or of the one
  /// whose owner's turn it is. False when there is none.
  bool run_actor(std::size_t place = 0);
  /// When an alarm or an outbox item is due next.
  [[nodiscard]] std::optional<Milliseconds> next_due() const;

  Runtime::Core* core = nullptr;  ///< owned by the runtime
  std::optional<runtime::Committer::Batch> batch;
  Milliseconds batch_ready_at{0};  ///< monotonic
  /// Rows on their way to turns that wait for them.
  struct Fetching {
    runtime::ReadPool::Batch batch;
    bool is_read;  ///< as the store was when it was asked; else as it is when it answers
    Milliseconds ready_at;
  };
  std::vector<Fetching> fetching;

 private:
  const LockWatch locks_are_watched_;

  [[nodiscard]] caf::scheduler::test_coordinator& scheduler() const;
  bool run_next_owner();

  const Next next_;
  FairQueue<caf::resumable*> owners_;  ///< what has something to do, with Next::of_owner
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

/// The objects of a batch, for the story.
[[nodiscard]] std::string names_of(const runtime::Committer::Batch& batch);

}  // namespace perdure::testing
