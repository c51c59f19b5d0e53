// SPDX-License-Identifier: Apache-2.0
// JobState: a job during one of its turns, and the steps that it can take.
#pragma once

#include <optional>
#include <string>

#include "errors.hpp"
#include "job_messages.hpp"
#include "list_query.hpp"
#include "perdure/runtime/runtime.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

/// What the handlers know beside the state. Immutable.
struct JobRules {
  JobTypes types;
  JobOptions options;
};

/// Who moves a job next.
namespace phase {
inline constexpr std::string_view scheduled = "scheduled";      ///< its alarm `start`
inline constexpr std::string_view waiting = "waiting";          ///< its queue
inline constexpr std::string_view running = "running";          ///< its runner
inline constexpr std::string_view backing_off = "backing_off";  ///< its alarm `retry`
inline constexpr std::string_view over = "over";                ///< nobody; at last, `expire`
}  // namespace phase

/// Lifetime  that of the turn and of the state that it borrows.
class JobState {
 public:
  static constexpr const char* runs = "runs/";

  JobState(const JobRules& rules, Turn& turn, Json& job)
      : rules_(rules), turn_(turn), job_(job), own_(job["internal"]) {}

  /// The first value of the member `internal`.
  [[nodiscard]] static Json first_internal();

  [[nodiscard]] bool is_in(std::string_view phase) const { return own_.at("phase") == phase; }
  [[nodiscard]] bool is_over() const { return is_in(phase::over); }
  /// Whether this stay in the queue is the job's present one.
  [[nodiscard]] bool is_at(const Json& run) const;
  [[nodiscard]] bool is_running(const Json& run) const;
  [[nodiscard]] bool is_timed_out() const { return own_.at("timed_out").get<bool>(); }
  [[nodiscard]] bool stop_is_wanted() const { return !job_.at("cancel_requested_at").is_null(); }
  /// How the stay ended that somebody still believes in.
  [[nodiscard]] Json last_outcome() const { return own_.at("last_outcome"); }

  /// Has an alarm bring the job into its queue, once or again and again.
  void schedule(Schedule schedule);
  /// Sends the job to its queue, for another stay.
  void enqueue();
  void leave_queue();
  /// A tick of a cron begins to count anew.
  void begin_tick();
  void skip_tick();
  void show_next_tick();

  /// An attempt begins.
  void open_run();
  void close_run(std::string_view outcome, const Json& error);
  /// Counts an attempt that the end of a process cut off. False when there were too many.
  [[nodiscard]] bool survives_crash();
  /// The attempt ended without a result, and the job keeps its place.
  void wait_again();
  /// False when the attempts are used up.
  [[nodiscard]] bool tries_again(const Json& error, std::optional<Milliseconds> asked);
  /// The end of a run; of a cron that is not cancelled, until the next tick.
  void end(std::string_view outcome, Json result, Json error);
  /// Asks the runner to stop the attempt.
  void stop_run();
  void request_cancel();
  void time_out();

  /// The state was brought back, or in from outside, in place of `before` or of nothing: the job
  /// goes on from it, and what went on before ends. `status` has the last word: a job that is over
  /// by its phase and `queued` by its status runs again. Where both states have the same under way,
  /// that goes on.
  void settle(const Json* before);

  void append_output(std::string text);
  void publish(const std::string& topic);

 private:
  void set_phase(std::string_view phase);
  void put_run(const Json& run);
  void expire_later();
  void erase_output();
  /// What the state before has under way, with its queue or its runner, ends.
  void end_stay_of(const Json& before);
  /// Brings the phase into line with the status, which somebody may have written by hand.
  void heed_status();
  void settle_alarms();
  void go_on();
  [[nodiscard]] std::optional<Timestamp> next_tick() const;

  const JobRules& rules_;
  Turn& turn_;
  Json& job_;
  Json& own_;  // the member `internal`
};

}  // namespace perdure::actors
