// SPDX-License-Identifier: Apache-2.0
// CallerThread: runs an actor's next message on the thread that sends it, if the actor is idle.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <utility>

namespace perdure::runtime {

/// An actor that a message wakes is handed to the execution unit that the message is sent with, and
/// to the scheduler when there is none. This one keeps it until `run`, so that the message can be
/// sent under a lock and the turn runs outside of it. An actor that is running already, or has
/// messages waiting, is not handed over: then `run` does nothing.
///
/// Threads  one.
class CallerThread final : public caf::execution_unit {
 public:
  explicit CallerThread(caf::actor_system& system) : caf::execution_unit(&system) {}

  void exec_later(caf::resumable* actor) override {
    // What a turn wakes in its turn is the scheduler's.
    if (woken_ != nullptr || running_) return system().scheduler().enqueue(actor);
    woken_ = actor;
  }

  /// One message; what has arrived behind it meanwhile is the scheduler's.
  void run() {
    auto* actor = std::exchange(woken_, nullptr);
    if (actor == nullptr) return;
    running_ = true;
    if (actor->resume(this, 1) == caf::resumable::resume_later) {
      system().scheduler().enqueue(actor);
    } else {
      caf::intrusive_ptr_release(actor);
    }
    running_ = false;
  }

 private:
  caf::resumable* woken_ = nullptr;  ///< counted
  bool running_ = false;
};

}  // namespace perdure::runtime
