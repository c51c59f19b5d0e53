// SPDX-License-Identifier: Apache-2.0
// What the runtime and its store hold and have done, as metrics.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "perdure/runtime/inspect.hpp"

namespace perdure::shell {

/// perdure_objects_active_bytes, perdure_calls_in_flight, perdure_store_disk_bytes,
/// perdure_store_memory_bytes, perdure_store_syncs_total, perdure_store_writable and
/// perdure_index_build_*.
[[nodiscard]] std::vector<prometheus::MetricFamily> runtime_metrics(const RuntimeStats& stats);

}  // namespace perdure::shell
