// SPDX-License-Identifier: Apache-2.0
#include "shell/runtime_metrics.hpp"

#include "shell/single_metric.hpp"

namespace perdure::shell {

std::vector<prometheus::MetricFamily> runtime_metrics(const RuntimeStats& stats) {
  using prometheus::MetricType;
  const auto value = [](std::uint64_t count) { return static_cast<double>(count); };
  return {
      single_metric("perdure_objects_active_bytes", "Memory of active objects, estimated",
                    MetricType::Gauge, value(stats.active_bytes)),
      single_metric("perdure_calls_in_flight", "Calls that objects have yet to answer",
                    MetricType::Gauge, value(stats.in_flight_calls)),
      single_metric("perdure_store_disk_bytes", "Stored data on the disk, estimated",
                    MetricType::Gauge, value(stats.bytes_on_disk)),
      single_metric("perdure_store_memory_bytes", "Memory of the store's caches and write buffers",
                    MetricType::Gauge, value(stats.store_memory_bytes)),
      single_metric("perdure_store_syncs_total", "Syncs of the log", MetricType::Counter,
                    value(stats.syncs)),
      single_metric("perdure_store_writable", "1, or 0 while writes have stopped",
                    MetricType::Gauge, stats.writable ? 1 : 0),
  };
}

}  // namespace perdure::shell
