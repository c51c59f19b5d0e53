// SPDX-License-Identifier: Apache-2.0
#include "pending_call.hpp"

#include <fmt/format.h>

#include "call_hub.hpp"
#include "handler_mark.hpp"
#include "perdure/runtime/future.hpp"
#include "perdure/schemas/misfit.hpp"

namespace perdure::runtime {

PendingCall::PendingCall(std::shared_ptr<CallHub> hub, const Call& call, Executor* executor)
    : hub_(std::move(hub)),
      target_(call.target),
      name_(call.name),
      type_(call.type),
      executor_(executor) {}

PendingCall::~PendingCall() { hub_->deadlines().remove(*this); }

void PendingCall::answer(Result<Reply> reply) {
  if (claimed_.exchange(true)) return;
  hub_->deadlines().remove(*this);
  reply_.emplace(std::move(reply));
  const auto before = phase_.exchange(Phase::answered);
  if (before == Phase::open) return phase_.notify_all();
  if (before == Phase::dropped) return tell_unheard();
  auto* const executor = executor_ != nullptr ? executor_ : hub_->executor();
  PERDURE_CHECK(executor != nullptr, "a coroutine waits for a call, and has no executor");
  resume_soon(*executor);
}

void PendingCall::expire() {
  Error error{.code = ErrorCode::deadline_exceeded,
              .detail = fmt::format("{} of {} was not answered by its deadline", name_,
                                    to_string(target_))};
  if (type_ == CallType::command) {
    error.code = ErrorCode::outcome_unknown;
    error.detail += "; it may yet be carried out, or has been";
  }
  error.fields.push_back({"deadline", "exceeded", error.detail});
  error.retry_after = std::chrono::seconds{1};
  answer(fail(std::move(error)));
}

/// A handler, and copies of it: a std::function can be copied. The last one that goes has answered,
/// or nobody will.
class PendingCall::Handler {
 public:
  explicit Handler(std::shared_ptr<PendingCall> call) : call_(std::move(call)) { count(); }
  Handler(const Handler& other) : call_(other.call_) { count(); }
  Handler(Handler&& other) noexcept = default;
  Handler& operator=(const Handler&) = delete;
  Handler& operator=(Handler&&) = delete;
  ~Handler() {
    if (call_ && call_->handlers_.fetch_sub(1) == 1) call_->give_up();
  }
  void operator()(Result<Reply> reply) const { call_->answer(std::move(reply)); }

 private:
  void count() const { call_->handlers_.fetch_add(1, std::memory_order_relaxed); }

  std::shared_ptr<PendingCall> call_;  // null: moved away
};

ReplyHandler PendingCall::handler() { return Handler{shared_from_this()}; }

void PendingCall::give_up() {
  if (claimed_.load()) return;
  answer(fail(ErrorCode::outcome_unknown,
              "the runtime ended before it answered; what became of the call is unknown"));
}

void PendingCall::wait() {
  // Refused whether or not the answer is there: who waits here waits for its own thread some day.
  const auto what = to_string(target_) + " " + name_;
  if (auto may_wait = HandlerMark::may_wait(hub_->runtime(), what); !may_wait) {
    refused_ = std::move(may_wait).error();
    return;
  }
  for (auto phase = phase_.load(); phase != Phase::answered; phase = phase_.load()) {
    phase_.wait(phase);
  }
}

bool PendingCall::suspend(std::coroutine_handle<> waiting) {
  PERDURE_CHECK(!taken_, "a future is awaited twice");
  waiting_ = waiting;
  auto expected = Phase::open;
  // From here on the coroutine may go on, on another thread, and this with it.
  if (phase_.compare_exchange_strong(expected, Phase::awaited)) return true;
  PERDURE_CHECK(expected == Phase::answered, "a future is awaited by two");
  auto* const executor = executor_ != nullptr ? executor_ : hub_->executor();
  if (executor == nullptr || executor->runs_here()) return false;
  resume_soon(*executor);
  return true;
}

void PendingCall::resume_soon(Executor& executor) {
  // A pointer needs no memory of the std::function's.
  until_resumed_ = shared_from_this();
  executor.post([call = this] {
    const auto self = std::move(call->until_resumed_);
    // Else the frame was destroyed meanwhile.
    if (self->phase_.load() == Phase::answered) self->waiting_.resume();
  });
}

Result<Reply> PendingCall::take() {
  PERDURE_CHECK((refused_ || phase_.load() == Phase::answered) && !taken_,
                "a future gives its answer once");
  taken_ = true;
  if (refused_) return fail(std::move(*refused_));
  return std::move(*reply_);
}

void PendingCall::drop() {
  if (phase_.exchange(Phase::dropped) == Phase::answered) tell_unheard();
}

void PendingCall::tell_unheard() {
  if (taken_ || ignored_ || *reply_) return;
  hub_->unheard(target_, name_, reply_->error());
}

}  // namespace perdure::runtime

namespace perdure::detail {

PendingReply::PendingReply(std::shared_ptr<runtime::PendingCall> call) : call_(std::move(call)) {}

PendingReply& PendingReply::operator=(PendingReply&& other) noexcept {
  if (this == &other) return *this;
  if (call_) call_->drop();
  call_ = std::move(other.call_);
  return *this;
}

PendingReply::~PendingReply() {
  if (call_) call_->drop();
}

void PendingReply::on(Executor& executor) { call_->on(executor); }
void PendingReply::ignore() { call_->ignore(); }
bool PendingReply::is_ready() const { return call_->is_ready(); }
void PendingReply::wait() const { call_->wait(); }
bool PendingReply::suspend(std::coroutine_handle<> waiting) { return call_->suspend(waiting); }
Result<Reply> PendingReply::take() { return call_->take(); }

Unexpected misfit_reply(const Json::exception& refused) {
  return fail(ErrorCode::internal,
              "the reply is another than was declared: " + describe_misfit(refused));
}

}  // namespace perdure::detail
