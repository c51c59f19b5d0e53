// SPDX-License-Identifier: Apache-2.0
#include "shell/job_metrics.hpp"

#include <map>

namespace perdure::shell {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

MetricFamily family(std::string name, std::string help, MetricType type,
                    const std::map<Labels, std::int64_t>& values) {
  MetricFamily made{std::move(name), std::move(help), type, {}};
  for (const auto& [labels, value] : values) {
    ClientMetric metric;
    for (const auto& [label, text] : labels) metric.label.push_back({label, text});
    if (type == MetricType::Counter) metric.counter.value = static_cast<double>(value);
    if (type == MetricType::Gauge) metric.gauge.value = static_cast<double>(value);
    made.metric.push_back(std::move(metric));
  }
  return made;
}

}  // namespace

std::vector<MetricFamily> job_metrics(const std::vector<JobCount>& counts) {
  std::map<Labels, std::int64_t> queued;
  std::map<Labels, std::int64_t> running;
  std::map<Labels, std::int64_t> finished;
  for (const auto& count : counts) {
    queued[{{"queue", count.queue}}] += count.queued;
    running[{{"queue", count.queue}}] += count.running;
    finished[{{"type", count.type}, {"outcome", "succeeded"}}] += count.succeeded;
    finished[{{"type", count.type}, {"outcome", "failed"}}] += count.failed;
    finished[{{"type", count.type}, {"outcome", "cancelled"}}] += count.cancelled;
  }
  return {family("perdure_jobs_queued", "Jobs that are due and wait for a place in their queue",
                 MetricType::Gauge, queued),
          family("perdure_jobs_running", "Jobs that have a place in their queue", MetricType::Gauge,
                 running),
          family("perdure_jobs_finished_total", "Attempts at jobs that are over",
                 MetricType::Counter, finished)};
}

}  // namespace perdure::shell
