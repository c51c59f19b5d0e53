// SPDX-License-Identifier: Apache-2.0
// Subscribers in C++: a handler that is handed events, and the object that keeps its cursor.
#pragma once

#include <set>

#include "event_feed.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::runtime {

inline constexpr std::string_view subscriber_kind_name = "subscriber";

/// The kind: `begin` (creates) and `follow` `{topics, from}`, which reply the state; `advance`
/// `{to}` moves the cursor.
[[nodiscard]] Kind subscriber_kind();

/// What decides: which events are handed to whom next, and when the cursor is made durable. It has
/// no thread; somebody steps it.
/// Threads  step, again_at and settled: one. state: any.
class EventConsumer {
 public:
  struct Surroundings {
    EventFeed& feed;
    const Clock& clock;
    Random& random;
    std::function<void(Call, ReplyHandler)> call;
    std::function<void()> wake = [] {};  ///< called when `step` has something to do again
  };

  EventConsumer(Surroundings around, SubscriberOptions options, EventHandler handler);

  /// Does one thing: hands on one batch, or asks for one turn of the cursor's object. False when
  /// there is nothing to do for now.
  bool step();
  /// When to step again at the latest, on the monotonic clock; nothing: when woken.
  [[nodiscard]] std::optional<Milliseconds> again_at() const { return again_at_; }
  /// No turn is under way.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] Subscriber::State state() const;

 private:
  void turn(std::string command, Json payload);
  void answered(Result<Reply> reply);
  [[nodiscard]] bool is_to_be_saved() const;
  bool hand_on();
  void failed(const Error& error);
  [[nodiscard]] Result<void> handle(const EventBatch& batch) const;

  const Surroundings around_;
  const SubscriberOptions options_;
  const EventHandler handler_;

  // Of whoever steps.
  bool known_ = true;  ///< the cursor's object is thought to be there
  bool followed_ = false;
  std::string saved_;        ///< the durable cursor
  Milliseconds saved_at_{};  ///< monotonic
  bool handed_on_ = false;   ///< a batch since then
  std::string asked_;        ///< the cursor that a turn under way makes durable
  std::optional<Milliseconds> again_at_;

  mutable WatchedMutex mutex_;  // guards the rest
  Subscriber::State state_;
  bool in_flight_ = false;
  std::optional<Result<Reply>> reply_;
};

/// The names of the subscribers that live.
/// Threads  any.
class SubscriberNames {
 public:
  [[nodiscard]] bool take(const std::string& name);
  void give_back(const std::string& name);

 private:
  WatchedMutex mutex_;
  std::set<std::string> names_;
};

/// Subscribers of a runtime without threads: who owns it steps them, as a simulation does. A crash
/// takes the runtime first and what is handed out here later.
/// Threads  one.
class SteppedSubscribers {
 public:
  /// Errors: those of Runtime::subscribe.
  [[nodiscard]] Result<std::unique_ptr<Subscriber>> subscribe(EventConsumer::Surroundings around,
                                                              SubscriberOptions options,
                                                              EventHandler handler);
  /// Steps each of them. False when none has anything to do for now.
  bool step();
  /// When to step again at the latest, on the monotonic clock; nothing: when something happens.
  [[nodiscard]] std::optional<Milliseconds> again_at() const;

 private:
  struct One;

  std::vector<std::shared_ptr<One>> all_;  // shared with what is handed out: either may go first
};

/// Starts a thread that steps a consumer until the subscriber goes. `names` must outlive it.
/// Errors: those of Runtime::subscribe.
[[nodiscard]] Result<std::unique_ptr<Subscriber>> subscribe(EventConsumer::Surroundings around,
                                                            SubscriberNames& names,
                                                            SubscriberOptions options,
                                                            EventHandler handler);

}  // namespace perdure::runtime
