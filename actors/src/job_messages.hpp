// SPDX-License-Identifier: Apache-2.0
// What jobs, queues and the runner say to each other (see perdure/actors/jobs.hpp).
#pragma once

#include <string>
#include <string_view>

#include "perdure/actors/jobs.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::actors {

/// The performer of jobs of a type; its effects are places of queues.
[[nodiscard]] inline std::string performer_of(std::string_view type) {
  return "job." + std::string{type};
}
/// Stops an attempt that is on its way: payload {job, run}.
inline constexpr std::string_view stopper = "job_stop";

/// One stay of a job in its queue: from `enqueue` to `ended` or `leave`. A job that is tried again,
/// or has another tick, stays again, under the next number.
struct JobStay {
  std::string job;
  std::uint64_t run = 0;
  std::string type;
  int priority = 0;
  std::string owner;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(JobStay, job, run, type, priority, owner)

/// Those whose stays have one turn key take their turns together, and others in between: today the
/// stays of one owner. Short, and fit for keys of entries.
[[nodiscard]] std::string turn_key_of(const JobStay& stay);

/// How a stay ends, as the queue hears of it.
namespace outcome {
inline constexpr std::string_view succeeded = "succeeded";
inline constexpr std::string_view failed = "failed";
inline constexpr std::string_view cancelled = "cancelled";
/// Begun, and neither over nor cancelled: the process is going to end.
inline constexpr std::string_view interrupted = "interrupted";
}  // namespace outcome

/// What of `error` a job keeps.
[[nodiscard]] Json job_error(const Error& error);

[[nodiscard]] Kind job_kind(const JobTypes& types, const JobOptions& options);
[[nodiscard]] Kind job_queue_kind(const JobTypes& types, const JobOptions& options);

}  // namespace perdure::actors
