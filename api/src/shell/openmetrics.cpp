// SPDX-License-Identifier: Apache-2.0
#include "shell/openmetrics.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

namespace perdure::shell {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// Bounds are floats and written as such: `1.0`, not `1` (OpenMetrics, "Canonical Numbers").
std::string bound_text(double value) {
  auto text = number(value);
  if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string labels(const ClientMetric& metric, std::string_view bound = {}) {
  std::string out;
  for (const auto& label : metric.label) {
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", label.name, escaped(label.value));
  }
  if (!bound.empty()) out += fmt::format("{}le=\"{}\"", out.empty() ? "" : ",", bound);
  return out.empty() ? out : fmt::format("{{{}}}", out);
}

void write_histogram(std::string& out, std::string_view name, const ClientMetric& metric) {
  const auto& histogram = metric.histogram;
  for (const auto& bucket : histogram.bucket) {
    out += fmt::format("{}_bucket{} {}\n", name, labels(metric, bound_text(bucket.upper_bound)),
                       bucket.cumulative_count);
  }
  if (histogram.bucket.empty() || !std::isinf(histogram.bucket.back().upper_bound)) {
    out += fmt::format("{}_bucket{} {}\n", name, labels(metric, "+Inf"), histogram.sample_count);
  }
  out += fmt::format("{}_count{} {}\n", name, labels(metric), histogram.sample_count);
  out += fmt::format("{}_sum{} {}\n", name, labels(metric), number(histogram.sample_sum));
}

void write_family(std::string& out, const MetricFamily& family) {
  constexpr std::string_view total = "_total";
  std::string_view name = family.name;
  std::string_view type = "unknown";
  switch (family.type) {
    case MetricType::Counter:
      type = "counter";
      if (name.ends_with(total)) name.remove_suffix(total.size());
      break;
    case MetricType::Gauge: type = "gauge"; break;
    case MetricType::Histogram: type = "histogram"; break;
    default: break;
  }
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(family.help), name, type);
  for (const auto& metric : family.metric) {
    switch (family.type) {
      case MetricType::Counter:
        out += fmt::format("{}_total{} {}\n", name, labels(metric), number(metric.counter.value));
        break;
      case MetricType::Histogram: write_histogram(out, name, metric); break;
      default: out += fmt::format("{}{} {}\n", name, labels(metric), number(metric.gauge.value));
    }
  }
}

}  // namespace

std::string to_openmetrics(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const auto& family : families) write_family(out, family);
  out += "# EOF\n";
  return out;
}

}  // namespace perdure::shell
