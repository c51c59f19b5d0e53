// SPDX-License-Identifier: Apache-2.0
// Counts of jobs as metrics.
#pragma once

#include <prometheus/metric_family.h>

#include "perdure/api/shell/metrics.hpp"

namespace perdure::shell {

/// perdure_jobs_queued{queue}, perdure_jobs_running{queue} and
/// perdure_jobs_finished_total{type,outcome}.
[[nodiscard]] std::vector<prometheus::MetricFamily> job_metrics(
    const std::vector<JobCount>& counts);

}  // namespace perdure::shell
