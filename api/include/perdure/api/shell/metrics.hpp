// SPDX-License-Identifier: Apache-2.0
// Metrics: counts what the server and the runtime do, for Prometheus.
//
// Whoever serves requests takes a RouteMeter for each route once and counts on it; no name is
// looked up and no lock is taken that a scrape holds for long.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/runtime/inspect.hpp"
#include "perdure/runtime/options.hpp"

namespace perdure::shell {

/// Counts the requests of one route.
/// Threads   any.
/// Lifetime  that of its Metrics.
class RouteMeter {
 public:
  virtual ~RouteMeter() = default;
  /// A method or status outside of HTTP's usual ones is counted as `other`.
  virtual void answered(std::string_view method, int status, std::chrono::nanoseconds duration) = 0;
};

enum class Exposition { text, openmetrics };

/// The Content-Type of an exposition.
[[nodiscard]] constexpr std::string_view content_type(Exposition exposition) noexcept {
  return exposition == Exposition::openmetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

/// What one queue has, and had, of one type of jobs.
struct JobCount {
  std::string queue;
  std::string type;
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
};

/// Lifecycle  outlives the runtime whose hooks it is.
/// Threads    every method may be called from any thread.
class Metrics final : public Hooks {
 public:
  /// `kinds` are those of the runtime: others are not counted.
  explicit Metrics(std::span<const std::string> kinds);
  ~Metrics() override;

  /// The meter of a route, such as `/notebooks/{id}`; the same one for the same text.
  [[nodiscard]] RouteMeter& route(std::string_view route);

  void turn_finished(std::string_view kind, std::chrono::nanoseconds handler) override;
  void batch_committed(std::size_t turns, std::chrono::nanoseconds write_and_sync) override;
  void activated(std::string_view kind) override;
  void hibernated(std::string_view kind) override;
  void alarm_fired(const ObjectId& object, std::chrono::milliseconds late) override;
  void outbox_changed(std::size_t items) override;
  void dead_letter_made(const ObjectId& letter, const Error& cause) override;

  /// Asked at each scrape, on the scraper's thread; an empty function: nobody is. Before the first.
  void set_jobs(std::function<std::vector<JobCount>()> jobs) { jobs_ = std::move(jobs); }
  /// As `set_jobs`.
  void set_runtime(std::function<RuntimeStats()> stats) { runtime_ = std::move(stats); }

  /// All metrics, those of the process included.
  [[nodiscard]] std::string expose(Exposition exposition) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::function<std::vector<JobCount>()> jobs_;
  std::function<RuntimeStats()> runtime_;
};

}  // namespace perdure::shell
