// SPDX-License-Identifier: Apache-2.0
// OutboxAttempt: one attempt at an effect, as its performer holds it; AttemptLink: its way back to
// the pump, which may be gone before the performer lets go of the attempt.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>

#include "outbox_item.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/call.hpp"

namespace perdure::runtime {

/// Threads    any. No lock is held while a visitor runs.
/// Lifecycle  `close` waits for those inside; whoever comes later is turned away.
class AttemptLink {
 public:
  struct Events {
    /// generation, position, attempt, result
    std::function<void(std::uint64_t, std::uint64_t, int, Result<Json>)> finished;
    std::function<void(Call)> tell;
  };

  explicit AttemptLink(Events events) : events_(std::move(events)) {}

  template <class Visit>
  void enter(Visit visit) {
    {
      const std::scoped_lock lock{mutex_};
      if (closed_) return;
      ++inside_;
    }
    visit(events_);
    // Under the lock: who closes may destroy this right after.
    const std::scoped_lock lock{mutex_};
    if (--inside_ == 0) left_.notify_all();
  }

  void close() {
    std::unique_lock lock{mutex_};
    closed_ = true;
    left_.wait(lock, [this] { return inside_ == 0; });
  }

 private:
  const Events events_;
  WatchedMutex mutex_;  // guards the rest
  std::condition_variable_any left_;
  std::size_t inside_ = 0;
  bool closed_ = false;
};

class OutboxAttempt final : public Effect {
 public:
  struct Place {
    std::uint64_t generation;
    std::uint64_t position;
    int number;  ///< from 1
  };
  OutboxAttempt(std::shared_ptr<const Sent> sent, Place place, std::shared_ptr<AttemptLink> link);
  ~OutboxAttempt() override;

  [[nodiscard]] const ObjectId& object() const override { return sent_->from; }
  [[nodiscard]] const std::string& owner() const override { return sent_->sender_owner; }
  [[nodiscard]] const std::string& id() const override { return sent_->effect_id; }
  [[nodiscard]] const Json& payload() const override { return sent_->payload; }
  [[nodiscard]] int attempt() const override { return place_.number; }
  [[nodiscard]] bool cancelled() const override { return cancelled_.load(); }
  void on_cancel(std::function<void()> callback) override;
  void tell(std::string command, Json payload) override;
  void finish(Result<Json> result) override;

  /// Says that nobody wants the result any more.
  void cancel();

 private:
  const std::shared_ptr<const Sent> sent_;  // shared with the pump's item
  const Place place_;
  const std::shared_ptr<AttemptLink> link_;  // shared with the pump
  std::atomic<bool> finished_{false};
  std::atomic<bool> cancelled_{false};
  WatchedMutex mutex_;  // guards on_cancel_
  std::function<void()> on_cancel_;
};

}  // namespace perdure::runtime
