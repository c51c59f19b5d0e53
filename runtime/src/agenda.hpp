// SPDX-License-Identifier: Apache-2.0
// Agenda: all that the runtime does without being called, in one loop: alarms that are due, the
// outbox, and the subscribers of events.
#pragma once

#include <atomic>
#include <condition_variable>

#include "alarm_check.hpp"
#include "alarm_clock.hpp"
#include "log_trimmer.hpp"
#include "outbox_pump.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "subscription.hpp"
#include "times.hpp"

namespace perdure::runtime {

/// Threads  wake, asked, stop: any. step, run: one.
class Agenda {
 public:
  struct AlarmEffects {
    AlarmClock::OwnerOf owner_of;
    AlarmClock::Fire fire;
  };
  Agenda(storage::Store& store, const Clock& clock, const Times& times, Random& random,
         const RuntimeOptions& options, AlarmEffects alarms, PumpEffects effects,
         Subscriptions::CallObject call);

  /// A unit that asks for something is durable. Its events are taken out of it.
  void asked(storage::Unit& unit, const storage::Committed& committed);
  void wake();
  /// Runs a function on the agenda's thread, soon.
  void post(std::function<void()> function);

  /// Moves what can move. True when something did.
  bool step();
  /// When `step` has something to do again, if time alone brings it; monotonic, without alarms.
  [[nodiscard]] std::optional<Milliseconds> next_step() const;
  void run();
  /// What is known of the store is read again: it was opened anew.
  void reset();

  /// No alarm and no outbox item is begun from now on; what is posted still runs.
  void rest();
  /// Ends `run`.
  void stop();

  /// Aborts when what is in memory does not fit what is durable.
  void check_invariants();

  [[nodiscard]] AlarmClock& alarms() { return alarms_; }
  [[nodiscard]] OutboxPump& outbox() { return outbox_; }
  [[nodiscard]] EventFeed& events() { return events_; }
  [[nodiscard]] Subscriptions& subscriptions() { return subscriptions_; }

 private:
  [[nodiscard]] Milliseconds wait() const;
  /// True when more is left to be done.
  bool trim_events();
  bool run_posted();
  /// The same, but what has ended is looked at soon.
  [[nodiscard]] AlarmClock::Fire waking(AlarmClock::Fire fire);

  const Clock& clock_;

  // Before the parts below, which wake until they are gone: a performer that still has an effect
  // finishes it on a thread of its own.
  WatchedMutex mutex_;  // guards the next four
  std::vector<std::function<void()>> posted_;
  bool awake_ = true;
  bool resting_ = false;
  bool stopping_ = false;
  std::condition_variable_any woken_;

  AlarmClock alarms_;
  AlarmCheck alarm_check_;
  OutboxPump outbox_;
  EventFeed events_;
  Subscriptions subscriptions_;
  LogTrimmer log_trimmer_;
  Milliseconds trimmed_at_{0};               ///< what was too old of the event log; monotonic
  std::atomic<std::uint64_t> published_{0};  ///< events since the log was looked at
};

}  // namespace perdure::runtime
