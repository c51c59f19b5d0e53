// SPDX-License-Identifier: Apache-2.0
#include "simulation.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace perdure::sim {

namespace {

caf::scheduler::test_coordinator& scheduler_of(caf::actor_system& system) {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
}

RuntimeOptions small_options() {
  RuntimeOptions options;
  options.hibernate_after = Milliseconds{2'000};
  options.active_bytes_max = 64u << 10;
  options.retention = {.records = 40, .records_max = 400, .age = std::chrono::seconds{3'600}};
  return options;
}

}  // namespace

void for_each_seed(std::uint64_t count, const std::function<void(std::uint64_t)>& story) {
  unsigned long long first = 1;
  unsigned long long asked = count;
  if (const char* text = std::getenv("PERDURE_SIM_SEEDS")) {
    asked = 1;
    std::sscanf(text, "%llu:%llu", &first, &asked);
  }
  for (auto seed = first; seed < first + asked; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    story(seed);
    if (testing::Test::HasFailure()) {
      fmt::print("to run it again: PERDURE_SIM_SEEDS={}:1\n", seed);
      return;
    }
  }
}

World::World(std::uint64_t seed, std::vector<Kind> kinds)
    : chance_(seed), kinds_(std::move(kinds)), random_(std::make_unique<SeededRandom>(seed)) {
  start();
}

World::~World() { end(); }

void World::start() {
  config_ = std::make_unique<caf::actor_system_config>();
  config_->set("scheduler.policy", caf::atom("testing"));
  system_ = std::make_unique<caf::actor_system>(*config_);
  auto store =
      storage::ReopeningStore::open({.open = [this] { return storage::open_memory(disk_); },
                                     .has_room = [this] { return !faults().disk_is_full; }});
  PERDURE_CHECK(store, "a disk that lost only what was not synced opens again");
  auto core =
      std::make_unique<Runtime::Core>(small_options(), kinds_,
                                      runtime::Foundation{.store = std::move(*store),
                                                          .clock = &clock_,
                                                          .random = random_.get(),
                                                          .system = system_.get(),
                                                          .threads = runtime::Threads::none});
  core_ = core.get();
  runtime_ = std::make_unique<Runtime>(std::move(core), kinds_);
}

void World::end() {
  if (!runtime_) return;
  ++life_;
  // What is in the mailboxes runs against a store that is gone, and its replies reach nobody.
  run_actors();
  runtime_.reset();
  core_ = nullptr;
  system_.reset();
  config_.reset();
}

void World::run_actors() {
  while (scheduler_of(*system_).try_run_once()) {
  }
}

bool World::commit(std::size_t submissions_max) { return core_->step_committer(submissions_max); }

void World::step_server() {
  auto& jobs = scheduler_of(*system_).jobs;
  const auto dice = chance_.below(100);
  if (dice < 60 && !jobs.empty()) {
    const auto picked = static_cast<std::ptrdiff_t>(chance_.below(jobs.size()));
    std::rotate(jobs.begin(), jobs.begin() + picked, jobs.begin() + picked + 1);
    scheduler_of(*system_).run_once();
  } else if (dice < 66) {
    core_->step_agenda();
  } else if (dice < 90) {
    core_->step_committer(1 + chance_.below(8));
  } else if (dice < 93) {
    core_->housekeep();
  } else {
    clock_.advance(Milliseconds{chance_.below(300)});
    if (chance_.one_in(50)) {
      clock_.step_wall(Milliseconds{static_cast<std::int64_t>(chance_.below(20'000)) - 10'000});
    }
  }
  core_->check_invariants();
}

void World::crash() {
  constexpr std::array tails{storage::TailAfterCrash::kept, storage::TailAfterCrash::lost,
                             storage::TailAfterCrash::torn};
  disk_.crash(tails[chance_.below(tails.size())]);
  disk_.faults = {};
  end();
  start();
}

void World::break_sync() {
  disk_.faults.commits_until_sync_fails = static_cast<int>(chance_.below(3));
  disk_.faults.failed_batch_survives = chance_.one_in(2);
}

void World::fill_disk() {
  disk_.faults.disk_is_full = true;
  disk_.faults.failed_batch_survives = chance_.one_in(2);
}

void World::meet_faults() {
  if (chance_.one_in(400)) crash();
  if (chance_.one_in(800)) break_sync();
  if (broken() && chance_.one_in(20)) crash();
  if (chance_.one_in(800)) fill_disk();
  if (disk_is_full() && chance_.one_in(50)) free_disk();
}

void World::end_faults() {
  free_disk();
  if (broken()) crash();
}

}  // namespace perdure::sim
