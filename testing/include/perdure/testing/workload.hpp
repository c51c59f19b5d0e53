// SPDX-License-Identifier: Apache-2.0
// Workload: something that clients do with objects, and the invariant that it keeps whatever
// happens. Several run in one world at the same time, under faults; see simulation.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "perdure/testing/world.hpp"

namespace perdure::testing {

/// Threads  that of the world.
class Workload {
 public:
  virtual ~Workload() = default;

  /// The kinds that it uses. Called once, before there is a world; their handlers may refer to the
  /// workload, which outlives the world. Kinds of two workloads have different names.
  [[nodiscard]] virtual std::vector<Kind> kinds() = 0;
  /// Called once, when the server has started for the first time.
  virtual void setup() {}
  /// One small thing that a client does, such as sending a command. Called again and again, also
  /// when everything has been sent. Must not wait.
  virtual void step() = 0;
  /// Whether all that it had planned has been done, and all that follows from it has happened.
  /// Asked often, once faults have stopped: it must become true in the end, and stay so.
  [[nodiscard]] virtual bool finished() = 0;
  /// Compares what is durable with what must be. Called once, when all have finished.
  virtual void check() = 0;
  /// What is missing, when it never finishes.
  [[nodiscard]] virtual std::string state() { return {}; }

  /// Called by who runs it, before `setup`.
  void attach(World& world, const std::string& name);

 protected:
  [[nodiscard]] World& world() { return *world_; }
  /// Choices of its own.
  [[nodiscard]] Chance& chance() { return *chance_; }
  /// Fails the run unless it holds. Also for handlers of its kinds, which cannot do so by throwing.
  void expect(bool holds, const std::string& what);
  /// Sends a command through the network until an answer settles it.
  void request(Call call, ReplyHandler done);

 private:
  World* world_ = nullptr;
  std::string name_;
  std::optional<Chance> chance_;
};

}  // namespace perdure::testing
