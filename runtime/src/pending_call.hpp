// SPDX-License-Identifier: Apache-2.0
// PendingCall: a call and whoever waits for its answer. The answer, the deadline and the end of the
// runtime race for it; the first one is what the waiting side gets.
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>

#include "call_deadlines.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/executor.hpp"

namespace perdure::runtime {

class CallHub;

/// Shared: the waiting side, the answering side and what is posted to the executor each keep it.
/// Threads  answer, expire: any. All else: those of the waiting side, one at a time.
class PendingCall final : public std::enable_shared_from_this<PendingCall> {
 public:
  PendingCall(std::shared_ptr<CallHub> hub, const Call& call, Executor* executor);
  ~PendingCall();
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;

  // ---- the answering side

  /// What comes first is the answer.
  void answer(Result<Reply> reply);
  /// The deadline has passed.
  void expire();
  /// A handler that answers this call. When it is destroyed without having been called, the runtime
  /// has ended, and the answer says so.
  [[nodiscard]] ReplyHandler handler();
  /// Of its hub's CallDeadlines.
  [[nodiscard]] DeadlinePlace& place() { return place_; }

  // ---- the waiting side

  void on(Executor& executor) { executor_ = &executor; }
  void ignore() { ignored_ = true; }
  [[nodiscard]] bool is_ready() const { return phase_.load() == Phase::answered; }
  /// Errors, as the answer: invalid (`blocks_its_runtime`) in a handler of the same runtime.
  void wait();
  /// False: the answer is there, and this thread is one of the executor's.
  [[nodiscard]] bool suspend(std::coroutine_handle<> waiting);
  [[nodiscard]] Result<Reply> take();
  /// Nobody waits any more.
  void drop();

 private:
  enum class Phase { open, awaited, answered, dropped };
  class Handler;

  /// The last handler is gone.
  void give_up();
  void resume_soon(Executor& executor);
  void tell_unheard();

  const std::shared_ptr<CallHub> hub_;  // shared: it outlives the runtime, as this may
  const ObjectId target_;
  const std::string name_;
  const CallType type_;
  DeadlinePlace place_;
  std::atomic<bool> claimed_{false};  ///< somebody answers
  std::atomic<int> handlers_{0};
  /// This, while an executor has a pointer to it.
  std::shared_ptr<PendingCall> until_resumed_;
  std::atomic<Phase> phase_{Phase::open};
  /// Written by who claimed it, before `phase_` says `answered`; the waiting side's from then on.
  std::optional<Result<Reply>> reply_;
  // Of the waiting side; read by who answers when `phase_` was `awaited`.
  Executor* executor_;  ///< null: the hub's
  std::coroutine_handle<> waiting_;
  bool ignored_ = false;
  bool taken_ = false;
  std::optional<Error> refused_;  ///< it may not be waited for here
};

}  // namespace perdure::runtime
