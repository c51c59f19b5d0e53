// SPDX-License-Identifier: Apache-2.0
// Seeds in CI, with Perdure's own workloads. PERDURE_SIM_SEEDS ("FIRST:COUNT") asks for others.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "workloads/workloads.hpp"

namespace perdure::sim {
namespace {

using perdure::testing::Exploration;
using perdure::testing::explore;
using perdure::testing::plan_of;

TEST(Simulation, keeps_its_promises_under_faults_and_finishes_when_they_stop) {
  unsigned long long first = 1;
  unsigned long long count = 200;
  if (const char* text = std::getenv("PERDURE_SIM_SEEDS")) {
    count = 1;
    std::sscanf(text, "%llu:%llu", &first, &count);
  }
  const auto report = explore(workloads(), {.first_seed = first, .count = count});
  ASSERT_EQ(report.failure, "") << describe(report);
  fmt::print("{} faults, {} crashes, {} stores opened again\n", report.faults, report.crashes,
             report.reopenings);
  if (count < 100) return;
  EXPECT_GT(report.faults, count) << "runs without faults prove little";
  EXPECT_GT(report.crashes, count);
  EXPECT_GT(report.reopenings, 0U) << "no store was opened again beneath its objects";
}

// An object that a transaction could not hold, because it could not be read, and that hibernated
// before the transaction ended.
TEST(Simulation, a_transaction_ends_that_was_refused_an_object_which_left) {
  const auto plan = plan_of(130, workloads(), {"bus", "transfer"});
  EXPECT_EQ(run_isolated(plan, workloads()).failure, "");
}

// A clock that was set back, and a disk so slow that the alarm's own time came before its
// correction was durable.
TEST(Simulation, an_alarm_stays_known_while_its_correction_is_on_its_way) {
  const auto plan = plan_of(608, workloads(), {"jobs", "pairs"});
  EXPECT_EQ(run_isolated(plan, workloads()).failure, "");
}

TEST(Simulation, a_seed_replays_exactly) {
  for (const auto& maker : workloads()) {
    const auto plan = plan_of(7, workloads(), {maker.name});
    const auto trace = run_isolated(plan, workloads()).trace;
    EXPECT_EQ(trace, run_isolated(plan, workloads()).trace) << maker.name;
    auto other = plan;
    other.seed = 8;
    EXPECT_NE(trace, run_isolated(other, workloads()).trace) << maker.name;
  }
}

}  // namespace
}  // namespace perdure::sim
