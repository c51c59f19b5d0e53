// SPDX-License-Identifier: Apache-2.0
// The jobs of the server program: which types there are, with the limits of the configuration.
#pragma once

#include "perdure/actors/jobs.hpp"
#include "perdure/api/shell/metrics.hpp"
#include "shell/config.hpp"
#include "shell/http_jobs.hpp"

namespace perdure::shell {

/// The types that every server has, and `http`.
struct JobSettings {
  JobSettings();
  std::shared_ptr<HttpClientSlot> http = std::make_shared<HttpClientSlot>();  // shared with a type
  actors::JobTypes types;
  actors::JobOptions options = {};
};

/// Errors  invalid  an entry of `jobs.queues` or `jobs.types` is no `name=number`, the number is
///                  not 1 to 1000, or the type is not known.
[[nodiscard]] Result<JobSettings> job_settings(const Config& config);

/// What /metrics says of queues; nothing while the store cannot be read.
[[nodiscard]] std::vector<JobCount> job_counts(const Runtime& runtime);

}  // namespace perdure::shell
