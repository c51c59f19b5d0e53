// SPDX-License-Identifier: Apache-2.0
// Jobs: work in the background, once or by cron, with priorities, limits, retries and progress.
//
// A `job` is an object, and so is each `job_queue`. A job that is due sends itself to its queue.
// The queue keeps waiting jobs in its entries. It gives a free place to the next of them as an
// *effect*, and the place is free again when the effect's result is a turn of the queue. So who
// holds a place is written in the outbox, and nowhere else: a process that dies leaves its effects,
// which the next one performs again; no place is lost or given twice. A turn of a queue reads a few
// entries for each type, however many jobs wait, and nobody polls.
//
// Owners take turns: the owner with the fewest places gets the next one. Where several have equally
// few, the one that has waited longest gets it. One owner's jobs start by priority, then by age.
// docs/adr/0009-jobs.md and docs/adr/0017-turns-of-owners.md have the reasons.
//
//   job               queue                      runner
//   create ─enqueue→  waits … gets a place
//                     request ─────────────────→ perform
//   begin  ←──────────────────────────────────── counts the attempt before it begins
//   progress, append ←──────────────────────────
//   finish ←──────────────────────────────────── the outcome is the job's; then
//                     ended  ←────────────────── the place is free: the next one
//
// Limits  a queue runs `JobOptions::concurrency_of` jobs at a time, and of one type never more than
//         the type has; the type's own limit holds over all queues. Of both an owner gets a share,
//         as `JobOptions::running_below` says.
#pragma once

#include <map>
#include <memory>

#include "perdure/actors/job_types.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::actors {

inline constexpr std::string_view job_kind_name = "job";
inline constexpr std::string_view job_queue_kind_name = "job_queue";
/// Entries of a job: its output, in the order of their keys.
inline constexpr std::string_view job_output_prefix = "output/";

/// The server has at most so many queues, and one owner's jobs begin at most so many of them:
/// queues are never removed.
inline constexpr std::size_t job_queues_max = 1'000;
inline constexpr std::size_t job_owner_queues_max = 100;

struct JobOptions {
  std::size_t concurrency = 16;                                      ///< of a queue
  std::map<std::string, std::size_t> queue_limits = {};              ///< of those that have another
  std::chrono::milliseconds retention = std::chrono::hours{24 * 7};  ///< of finished jobs
  std::chrono::milliseconds progress_period{200};
  std::size_t output_bytes_max = 64u << 20;
  std::size_t owner_share_percent = 50;    ///< 1 to 100: see share_of
  std::size_t reserve_percent = 12;        ///< 0 to 50: see reserve_of
  std::size_t owner_queued_max = 100'000;  ///< waiting in a queue, of one owner: see admit_job
  std::size_t queued_max = 1'000'000;      ///< waiting in a queue, of all

  [[nodiscard]] std::size_t concurrency_of(const std::string& queue) const;

  // Queues share their places among owners by one rule, and so does a type over all queues. Jobs
  // cannot be taken off their places, so some of them are kept for who comes next.

  /// Of `places`, those that an owner holds at most while others wait. At least one.
  [[nodiscard]] std::size_t share_of(std::size_t places) const;
  /// Of `places`, the last ones, which are only for owners that have none. At least one, unless
  /// nothing is to be reserved (0 percent) or there is only one place.
  [[nodiscard]] std::size_t reserve_of(std::size_t places) const;
  /// An owner that waits gets one of the `free` places if it has fewer than this. `owners` wait, it
  /// among them.
  [[nodiscard]] std::size_t running_below(std::size_t places, std::size_t free,
                                          std::size_t owners) const;
};

/// The kinds of jobs and queues. The types and options are kept.
///
///   job        a resource (resource.hpp); fields: those of the schema Job.
///              create     the fields
///              turn_away  {code, detail, retry_after_s?} → that error: see admit_job
///              cancel     -  → the job: cancelled at once when it is queued, else as soon as it
///                         has stopped. Errors: conflict, when it is over.
///              list_runs  (query) {limit?, cursor?} → {items, next_cursor}: the attempts, newest
///                         first, of which the newest 100 are kept
///              begin, progress, append, finish, tick, again, time_out, expire: the runner's, and
///              its own alarms'
///              Lists by created_at, of an owner and over all: status, type, queue, together.
///              Publishes job.created, job.started, job.progress, job.retrying, job.skipped,
///              job.succeeded, job.failed and job.cancelled.
///   job_queue  its id is its name; the host's. All its commands are the jobs' and the runner's:
///              enqueue, leave, ended, advance.
[[nodiscard]] std::vector<Kind> job_kinds(const JobTypes& types, const JobOptions& options);

/// Whether an owner may queue another job, for who takes jobs from clients: the kinds themselves
/// refuse none, and a job whose time comes is queued whatever waits there. A few jobs that come at
/// the same time may pass a bound together, but not those that are asked for together.
/// Errors   not_found (there is no such queue yet: ask admit_job_queue), rate_limited (the owner
///          has `JobOptions::owner_queued_max` jobs waiting there), overloaded (all have
///          `queued_max`).
/// Threads  any; reads one row of the store.
[[nodiscard]] Result<void> admit_job(const Runtime& runtime, const std::string& queue,
                                     const std::string& owner);

/// What waits in a queue.
struct JobsQueued {
  std::int64_t of_all = 0;
  std::int64_t of_owner = 0;
};
/// Errors: those of reading. None: there is no such queue yet.
/// Threads  any; reads a row of the store for each type of the owner's jobs.
[[nodiscard]] Result<JobsQueued> jobs_queued(const Runtime& runtime, const std::string& queue,
                                             const std::string& owner);
/// The same as admit_job of who is asked for together with others: `queued` and those before it.
/// Errors: as admit_job.
[[nodiscard]] Result<void> admit_job_among(const JobOptions& options, const std::string& queue,
                                           const JobsQueued& queued);
/// Whether an owner's job may begin a queue. Errors: invalid (`/queue`, rule `limit`).
/// Threads  any; reads up to `job_queues_max` rows of the store.
[[nodiscard]] Result<void> admit_job_queue(const Runtime& runtime, const std::string& owner);

/// Does the jobs of a runtime whose kinds those above are.
///
/// Lifecycle  start → stop; the destructor stops, too. Must end before its runtime does.
/// Threads    any. Functions of jobs run on threads of the runner, one for each attempt.
class JobRunner {
 public:
  /// `types` and `options` as for the kinds. Begins at once with what waits.
  [[nodiscard]] static std::unique_ptr<JobRunner> start(Runtime& runtime, const JobTypes& types,
                                                        const JobOptions& options);
  ~JobRunner();
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  /// Cancels all attempts, and waits for their functions to return. What gave no result by then is
  /// queued again, and begun by the next runner.
  void stop();

 private:
  class Impl;
  explicit JobRunner(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;  // shared with the performers, which the runtime keeps
};

/// What a queue has and had.
struct JobTally {
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::int64_t succeeded = 0;  ///< runs
  std::int64_t failed = 0;     ///< attempts
  std::int64_t cancelled = 0;

  JobTally& operator+=(const JobTally& other);
};
void to_json(Json& json, const JobTally& tally);
void from_json(const Json& json, JobTally& tally);

/// By queue, then by type; at most 1,000 queues.
using JobTallies = std::map<std::string, std::map<std::string, JobTally>>;
/// Of everybody's jobs, or of one user's. Read from the store, without waking a queue.
[[nodiscard]] Result<JobTallies> job_tallies(const Runtime& runtime,
                                             const std::optional<std::string>& owner = {});
/// The same as the schema JobStats: all types, and the queues that have had jobs.
[[nodiscard]] Result<Json> job_stats(const Runtime& runtime, const JobTypes& types,
                                     const JobOptions& options,
                                     const std::optional<std::string>& owner = {});

}  // namespace perdure::actors
