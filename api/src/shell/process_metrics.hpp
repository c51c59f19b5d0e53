// SPDX-License-Identifier: Apache-2.0
// The process's own figures under the names that Prometheus clients agree on (process_*).
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace perdure::shell {

/// Read from /proc/self at each call; what cannot be read is left out.
[[nodiscard]] std::vector<prometheus::MetricFamily> process_metrics();

}  // namespace perdure::shell
