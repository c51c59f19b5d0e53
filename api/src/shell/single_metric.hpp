// SPDX-License-Identifier: Apache-2.0
// A metric without labels.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <utility>

namespace perdure::shell {

/// A family of one counter or gauge.
[[nodiscard]] inline prometheus::MetricFamily single_metric(std::string name, std::string help,
                                                            prometheus::MetricType type,
                                                            double value) {
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return {std::move(name), std::move(help), type, {std::move(metric)}};
}

}  // namespace perdure::shell
