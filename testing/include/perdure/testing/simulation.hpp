// SPDX-License-Identifier: Apache-2.0
// Simulation: whole runs that a seed chooses. Each has a safety phase, in which workloads meet
// faults and no promise may be broken, and a liveness phase, in which faults stop and everything
// must finish: calls are answered, alarms have gone off, the outbox is empty, subscribers are at
// the end. A run that fails is made shorter for as long as it still fails, and told line by line.
//
//   const std::vector<testing::WorkloadMaker> makers{
//       {"savings", [](std::size_t clients) { return std::make_unique<Savings>(clients); }}};
//   const auto report = testing::explore(makers, {.first_seed = 1, .count = 200});
//   if (!report.failure.empty()) std::cerr << describe(report);
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "perdure/testing/faults.hpp"
#include "perdure/testing/workload.hpp"

namespace perdure::testing {

struct WorkloadMaker {
  std::string name;
  /// `clients`: how much it does at the same time, from 1; smaller is easier to read.
  std::function<std::unique_ptr<Workload>(std::size_t clients)> make;
};

/// All that a run depends on: two runs of one plan are the same.
struct Plan {
  std::uint64_t seed = 1;
  std::vector<std::string> workloads = {};  ///< names, of one world
  std::size_t steps = 2'500;                ///< of the safety phase
  std::size_t clients = 4;
  FaultPlan faults = {};
};

struct Outcome {
  std::string failure = {};  ///< the promise that was broken; empty: none
  std::uint64_t trace = 0;   ///< equal for equal runs
  std::uint64_t steps = 0;   ///< in all
  std::uint64_t faults = 0;
  std::uint64_t crashes = 0;
  std::uint64_t reopenings = 0;  ///< of a store beneath its objects
  std::vector<std::string> story = {};
};

/// What a seed runs: some of the workloads (all that `only` names, if it names any) in one world.
[[nodiscard]] Plan plan_of(std::uint64_t seed, const std::vector<WorkloadMaker>& makers,
                           const std::vector<std::string>& only = {});

enum class Telling { none, story };

/// Runs a plan in this process. A broken invariant of the runtime itself aborts.
[[nodiscard]] Outcome run(const Plan& plan, const std::vector<WorkloadMaker>& makers,
                          Telling telling = Telling::none,
                          std::function<void(std::string_view)> on_line = {});

/// Runs a plan in a child process, so that what aborts or hangs is an outcome, too.
/// Shape   the caller has one thread.
/// Limits  what takes longer than two minutes has failed.
[[nodiscard]] Outcome run_isolated(const Plan& plan, const std::vector<WorkloadMaker>& makers,
                                   Telling telling = Telling::none);

/// Makes a plan that fails smaller: fewer workloads, faults, clients and steps that still fail.
/// Takes at most `runs_max` runs.
[[nodiscard]] Plan shrink(const Plan& plan, const std::vector<WorkloadMaker>& makers,
                          std::size_t runs_max = 120);

struct Exploration {
  std::uint64_t first_seed = 1;
  std::uint64_t count = 200;
  std::vector<std::string> only = {};  ///< workloads; none: the seed picks
  /// Called after each run with the number of those that are done.
  std::function<void(std::uint64_t)> on_progress = {};
};

struct Report {
  std::uint64_t runs = 0;
  std::uint64_t faults = 0;
  std::uint64_t crashes = 0;
  std::uint64_t reopenings = 0;
  std::string failure = {};  ///< of the first run that failed; empty: none did
  Plan plan = {};            ///< what failed, made small
  std::vector<std::string> story = {};
};

/// Runs seeds, isolated, until one fails; then shrinks it and has it told.
[[nodiscard]] Report explore(const std::vector<WorkloadMaker>& makers,
                             const Exploration& exploration);

/// The failure with its story, for people.
[[nodiscard]] std::string describe(const Report& report);

}  // namespace perdure::testing
