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
      single_metric("perdure_index_build_kinds", "Kinds whose rows are being made again",
                    MetricType::Gauge, value(stats.builds)),
      single_metric("perdure_index_build_objects", "Objects of these kinds, as far as counted",
                    MetricType::Gauge, value(stats.build_objects)),
      single_metric("perdure_index_build_done_objects", "Objects of them that have their rows",
                    MetricType::Gauge, value(stats.build_done)),
      single_metric("perdure_index_build_unreadable_objects",
                    "Objects of them that are damaged, so without rows", MetricType::Gauge,
                    value(stats.build_unreadable)),
      single_metric("perdure_index_build_duplicates_total",
                    "Values of unique fields that builds found a second time", MetricType::Counter,
                    value(stats.build_duplicates)),
  };
}

}  // namespace perdure::shell
