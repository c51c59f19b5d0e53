// SPDX-License-Identifier: Apache-2.0
#include "shell/jobs.hpp"

#include <fmt/format.h>

#include <charconv>

#include "perdure/api/app/application.hpp"

namespace perdure::shell {
namespace {

constexpr std::size_t limit_max = 1'000;

/// The entries of a list of `name=number`.
Result<std::map<std::string, std::size_t>> read_limits(const Config& config,
                                                       std::string_view setting) {
  std::map<std::string, std::size_t> limits;
  for (const auto& entry : config.list(setting)) {
    const auto mark = entry.find('=');
    const auto digits = mark == std::string::npos ? "" : entry.substr(mark + 1);
    std::size_t number = 0;
    const auto* end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, number);
    if (mark == 0 || error != std::errc{} || at != end || number < 1 || number > limit_max) {
      return fail(ErrorCode::invalid, fmt::format("{}: `{}` is not NAME=NUMBER with 1 to {}",
                                                  setting, entry, limit_max));
    }
    limits[entry.substr(0, mark)] = number;
  }
  return limits;
}

}  // namespace

JobSettings::JobSettings() : types(actors::built_in_job_types(api::kind_resources())) {
  types.add("http", http_job_type(http));
}

Result<JobSettings> job_settings(const Config& config) {
  JobSettings settings;
  const auto number = [&](const char* name) {
    return static_cast<std::size_t>(config.number(name));
  };
  settings.options.concurrency = number("jobs.concurrency");
  settings.options.owner_share_percent = number("jobs.owner_share");
  settings.options.reserve_percent = number("jobs.reserve");
  settings.options.owner_queued_max = number("jobs.owner_queued");
  settings.options.queued_max = number("jobs.queued");
  settings.options.retention = Milliseconds{config.number("jobs.retention")};
  settings.options.output_bytes_max = number("jobs.output");
  PERDURE_TRY(queues, read_limits(config, "jobs.queues"));
  settings.options.queue_limits = std::move(queues);
  PERDURE_TRY(types, read_limits(config, "jobs.types"));
  for (const auto& [name, limit] : types) {
    if (auto limited = settings.types.limit(name, limit); !limited) {
      return fail(ErrorCode::invalid, "jobs.types: " + limited.error().detail);
    }
  }
  return settings;
}

std::vector<JobCount> job_counts(const Runtime& runtime) {
  std::vector<JobCount> counts;
  const auto tallies = actors::job_tallies(runtime);
  if (!tallies) return counts;
  for (const auto& [queue, of_types] : *tallies) {
    for (const auto& [type, tally] : of_types) {
      counts.push_back({.queue = queue,
                        .type = type,
                        .queued = tally.queued,
                        .running = tally.running,
                        .succeeded = tally.succeeded,
                        .failed = tally.failed,
                        .cancelled = tally.cancelled});
    }
  }
  return counts;
}

}  // namespace perdure::shell
