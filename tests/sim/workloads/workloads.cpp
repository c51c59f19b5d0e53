// SPDX-License-Identifier: Apache-2.0
#include "workloads.hpp"

namespace perdure::sim {

std::vector<perdure::testing::WorkloadMaker> workloads() {
  return {{"alarms", make_alarms},     {"bus", make_bus},
          {"callers", make_callers},   {"catalogue", make_catalogue},
          {"churn", make_churn},       {"families", make_families},
          {"flows", make_flows},       {"greedy", make_greedy},
          {"history", make_history},   {"jobs", make_jobs},
          {"lines", make_lines},       {"lives", make_lives},
          {"pairs", make_pairs},       {"retries", make_retries},
          {"ring", make_ring},         {"subscribers", make_subscribers},
          {"transfer", make_transfer}, {"upgrades", make_upgrades},
          {"webhooks", make_webhooks}};
}

}  // namespace perdure::sim
