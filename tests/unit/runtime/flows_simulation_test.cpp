// SPDX-License-Identifier: Apache-2.0
// Flows beside transactions, under all faults, by seeds. `scripts/simulate` runs more of them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "workloads/workloads.hpp"

namespace perdure::sim {
namespace {

TEST(FlowSimulation, makes_and_loses_no_money_and_keeps_each_step_once) {
  unsigned long long first = 1;
  unsigned long long count = 60;
  if (const char* text = std::getenv("PERDURE_SIM_SEEDS")) {
    std::sscanf(text, "%llu:%llu", &first, &count);
  }
  const auto report = testing::explore({{"flows", make_flows}, {"transfer", make_transfer}},
                                       {.first_seed = first, .count = count});
  ASSERT_EQ(report.failure, "") << describe(report);
}

}  // namespace
}  // namespace perdure::sim
