// SPDX-License-Identifier: Apache-2.0
// The simulated world: one thread, one seed, and a runtime that moves only when stepped.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <functional>
#include <memory>
#include <random>

#include "core.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/memory_store.hpp"

namespace perdure::sim {

/// Time stands still unless it is moved. The wall clock may step back; the monotonic one never.
class SimulatedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return now_; }
  [[nodiscard]] Milliseconds monotonic() const override { return monotonic_; }
  void advance(Milliseconds by) {
    now_ += by;
    monotonic_ += by;
  }
  void step_wall(Milliseconds by) { now_ += by; }

 private:
  Timestamp now_ = from_unix_ms(1'750'000'000'000);
  Milliseconds monotonic_{1'000};
};

/// All choices of a run come from here, and all are part of the trace.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}
  /// 0 <= result < bound.
  std::uint64_t below(std::uint64_t bound) { return note(engine_() % bound); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  /// Mixes an observation into the trace, so that two runs of a seed can be compared.
  std::uint64_t note(std::uint64_t value) {
    trace_ = (trace_ ^ value) * 0x100000001B3ULL;
    return value;
  }
  [[nodiscard]] std::uint64_t trace() const { return trace_; }

 private:
  std::mt19937_64 engine_;
  std::uint64_t trace_ = 0xCBF29CE484222325ULL;
};

/// Runs `story` for `count` seeds from 1 on, or for those that PERDURE_SIM_SEEDS ("FIRST:COUNT")
/// asks for, until one fails; then says how to run that one again.
void for_each_seed(std::uint64_t count, const std::function<void(std::uint64_t)>& story);

class World {
 public:
  World(std::uint64_t seed, std::vector<Kind> kinds);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Moves one thing of the server: an actor, the agenda, the committer, the housekeeper or the
  /// clock.
  void step_server();
  /// Ends the world: what is on its way reaches nobody. Call it before what calls refer to goes.
  void end();
  /// The machine stops, loses what it may lose, and starts again.
  void crash();
  /// The next commit's sync fails; the server is restarted soon after, as an operator would.
  void break_sync();
  /// Commits fail until it is freed; then the housekeeper opens the store again by itself.
  void fill_disk();
  void free_disk() { disk_.faults.disk_is_full = false; }

  /// Now and then: a crash, a failed sync, a full disk; and the end of what has lasted a while.
  void meet_faults();
  /// No faults from here on: a full disk has space again, a broken one is replaced.
  void end_faults();

  // ---- moving one thing by name, for tests of one story
  /// Runs all actors that have something to do.
  void run_actors();
  /// Commits at most `submissions_max` of what waits. False when nothing waited.
  bool commit(std::size_t submissions_max);
  void housekeep() { core_->housekeep(); }
  [[nodiscard]] storage::MemoryFaults& faults() { return disk_.faults; }

  /// False once writes have stopped.
  [[nodiscard]] bool writable() const { return runtime_->writable(); }
  /// Writes have stopped, and only a restart helps.
  [[nodiscard]] bool broken() const {
    return core_->store().health() == storage::Health::read_only;
  }
  [[nodiscard]] bool disk_is_full() const { return disk_.faults.disk_is_full; }
  /// How often the store was opened: beyond one for each life, it was opened beneath the objects.
  [[nodiscard]] std::uint64_t epoch() const { return core_->store().epoch(); }
  [[nodiscard]] Runtime& runtime() { return *runtime_; }
  [[nodiscard]] Chance& chance() { return chance_; }
  [[nodiscard]] SimulatedClock& clock() { return clock_; }
  /// Counts restarts: a reply that comes in another life than its call's was lost on the way.
  [[nodiscard]] std::uint64_t life() const { return life_; }
  [[nodiscard]] std::uint64_t crashes() const { return life_; }

 private:
  void start();

  Chance chance_;
  SimulatedClock clock_;
  std::vector<Kind> kinds_;
  storage::MemoryDisk disk_;
  std::unique_ptr<SeededRandom> random_;
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<Runtime> runtime_;
  Runtime::Core* core_ = nullptr;  // owned by runtime_
  std::uint64_t life_ = 0;
};

}  // namespace perdure::sim
