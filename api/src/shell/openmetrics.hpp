// SPDX-License-Identifier: Apache-2.0
// The OpenMetrics 1.0 text form, which the metrics library does not write.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace perdure::shell {

/// Counters, gauges and histograms; a counter family's name loses its `_total`, its samples keep
/// it. Ends with `# EOF`.
[[nodiscard]] std::string to_openmetrics(const std::vector<prometheus::MetricFamily>& families);

}  // namespace perdure::shell
