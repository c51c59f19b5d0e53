// SPDX-License-Identifier: Apache-2.0
// JobTypes: what jobs there are, and how each is done.
//
//   actors::JobTypes types = actors::built_in_job_types();
//   types.add("resize", {.run = [](actors::JobContext& job) -> Result<Json> {
//     for (int i = 0; i < 10; ++i) {
//       if (job.cancelled()) return fail(ErrorCode::conflict, "stopped");
//       resize(job.payload().at("image"), i);
//       job.progress(i + 1, 10, "sizes");
//     }
//     return Json{{"sizes", 10}};
//   }, .concurrency = 2});
//
// A job is done at least once: an attempt that the end of the process cut off is begun again, with
// a higher number. So what it does outside should bear to be repeated; `id` is the same each time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/runtime/kind_definition.hpp"
#include "perdure/runtime/outbox.hpp"

namespace perdure {
class Runtime;
}

namespace perdure::actors {

/// One attempt at a job, as its function sees it.
///
/// Threads   any, so that a function may have helpers of its own.
/// Lifetime  ends with the function's call.
class JobContext {
 public:
  virtual ~JobContext() = default;
  [[nodiscard]] virtual const std::string& id() const = 0;
  [[nodiscard]] virtual const Json& payload() const = 0;
  [[nodiscard]] virtual int attempt() const = 0;  ///< from 1
  /// Who made the job: what it may reach.
  [[nodiscard]] virtual const Principal& principal() const = 0;
  /// True when it should stop soon: it was cancelled, took too long, or the server stops. What it
  /// returns then counts only if it is a result.
  [[nodiscard]] virtual bool cancelled() const = 0;
  /// Called once, when `cancelled` becomes true; at once when it is already.
  virtual void on_cancel(std::function<void()> callback) = 0;
  /// Waits; false when it was cancelled before the time was over.
  virtual bool wait(Milliseconds time) = 0;
  /// How far it is; `total` is left out when nobody knows. Shown to clients a moment later: of what
  /// comes faster than `JobOptions::progress_period` only the last.
  virtual void progress(double current, std::optional<double> total, std::string message) = 0;
  /// Appends to the job's output, which clients download. Durable before the result is, in pieces;
  /// waits for the disk. A new attempt begins with an empty output.
  /// Shape   all of it together is UTF-8.
  /// Errors  too_large (past `JobOptions::output_bytes_max`), invalid (not UTF-8), conflict (the
  ///         attempt is over), and those of Runtime::call.
  virtual Result<void> write(std::string_view text) = 0;
  [[nodiscard]] virtual Timestamp now() const = 0;  ///< when the attempt began
  [[nodiscard]] virtual Runtime& runtime() = 0;
};

/// How the jobs of one type are done.
struct JobType {
  /// The work, on a thread of its own for as long as it takes. Returns the job's result, at most
  /// 64 KiB. An error of a code that `describe` calls retryable, or `internal` (also: whatever it
  /// throws), is tried again; any other is final.
  std::function<Result<Json>(JobContext&)> run = {};
  /// Instead of `run`, for work that needs no thread: gets the payload as an effect's, and answers
  /// in the same way. Its `tell("progress", {current, total?, message?})` is the job's progress.
  Performer perform = {};
  /// Attempts at the same time, in all queues together.
  std::size_t concurrency = 16;
  /// What is wrong with a payload, by pointers into it. Empty function: anything goes.
  JsonCheck check_payload = {};
  /// For jobs that do not say.
  RetryPolicy retry = {.attempts = 3, .backoff = std::chrono::seconds{1}};
  Milliseconds timeout{0};  ///< of one attempt, for jobs that do not say; 0: none
};

class JobTypes {
 public:
  /// Adds a type, or takes the place of the one of that name.
  /// Shape  `name` has 1 to 64 bytes of `[A-Za-z0-9._-]`; one of `run` and `perform` is there.
  JobTypes& add(std::string name, JobType type);
  /// Changes how many run at the same time. Errors: not_found, invalid (none, or over 1,000).
  Result<void> limit(std::string_view name, std::size_t concurrency);
  [[nodiscard]] const JobType* find(std::string_view name) const;
  /// In order.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const std::map<std::string, JobType, std::less<>>& all() const { return types_; }

 private:
  std::map<std::string, JobType, std::less<>> types_;
};

/// The resource whose scopes open the objects of a kind, such as `notebooks`. Empty function:
/// `durable-objects` for all.
using KindResource = std::function<std::string(std::string_view kind)>;

/// echo    any payload → the same.
/// sleep   {ms} → {slept_ms}; with progress, stops when cancelled.
/// export  {} → all objects of who made the job, as lines of JSON in the job's output: a header,
///         then an object a line, as in GET /users/me/export.
///         {kind, id} → that object as a file that can be imported; of system kinds (Reach) only
///         for administrators with the scope `*`. Result: {objects, bytes}.
///         The key that made the job must have held the scope `<resource>:read` of every kind in
///         the export; else the job fails as forbidden.
[[nodiscard]] JobTypes built_in_job_types(KindResource resource_of = {});

}  // namespace perdure::actors
