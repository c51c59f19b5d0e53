// SPDX-License-Identifier: Apache-2.0
// Future: the answer of a call that has been sent. Whoever has one waits in one of two ways:
//
//   auto total = co_await counter.call(add, {.by = 2});  // a coroutine, which an executor resumes
//   auto total = counter.call(add, {.by = 2}).get();     // a thread, which blocks
//
// Both give a Result: a call never throws. It is under way from the start, whether or not anybody
// waits, and an object that runs its turn does not know who does.
//
// Executor   After `co_await` a coroutine is on the executor of the call (Object::on, Future::on),
//            or on that of the runtime (RuntimeOptions::executor), never on a thread of the
//            runtime's that turns or answers need.
// Deadline   RuntimeOptions::call_deadline, or the call's own. When it has passed, a query gets
//            `deadline_exceeded`. So does a command that has not run by then: the runtime refuses
//            it when its turn comes. One that may have run gets `outcome_unknown`, with the field
//            `deadline`: repeat it with the same idempotency key. The answer comes at most a tenth
//            of a second after the deadline; what comes later reaches nobody.
// Errors     of the call; `outcome_unknown` when the runtime ended beneath it.
// Dropped    A future that is dropped is a warning of the compiler. If the call fails, and nobody
//            has asked, EveryHook::call_unheard hears of it; without hooks stderr does. `ignore`
//            says that nobody wants to know.
// Lifetime   A future may outlive its runtime. A frame that is destroyed while it waits drops its
//            future: the call goes on, and nobody is resumed. It has to be destroyed where its
//            executor runs it, or while that runs nothing.
#pragma once

#include <coroutine>
#include <memory>
#include <type_traits>
#include <utility>

#include "perdure/base/result.hpp"
#include "perdure/runtime/call.hpp"

namespace perdure {

class Executor;

namespace runtime {
class PendingCall;
}

namespace detail {

/// A future of a Reply, without the type of its value.
class PendingReply {
 public:
  explicit PendingReply(std::shared_ptr<runtime::PendingCall> call);
  PendingReply(PendingReply&&) noexcept = default;
  PendingReply& operator=(PendingReply&& other) noexcept;
  ~PendingReply();

  void on(Executor& executor);
  void ignore();
  [[nodiscard]] bool is_ready() const;
  void wait() const;
  /// False: it is there, and the coroutine goes on where it is.
  [[nodiscard]] bool suspend(std::coroutine_handle<> waiting);
  /// Shape: once, when it is ready.
  [[nodiscard]] Result<Reply> take();

 private:
  std::shared_ptr<runtime::PendingCall> call_;  // shared with who answers; null: moved away
};

/// Errors  internal  the reply is another than was declared.
[[nodiscard]] Unexpected misfit_reply(const Json::exception& refused);

template <class T>
[[nodiscard]] Result<T> read_reply(Result<Reply> reply) {
  if constexpr (std::is_same_v<T, Reply>) {
    return reply;
  } else {
    if (!reply) return fail(std::move(reply).error());
    if constexpr (std::is_void_v<T>) {
      return {};
    } else if constexpr (std::is_same_v<T, Json>) {
      return std::move(reply->value);
    } else {
      try {
        return reply->value.template get<T>();
      } catch (const Json::exception& refused) {
        return misfit_reply(refused);
      }
    }
  }
}

}  // namespace detail

/// Threads  one at a time.
template <class T>
class [[nodiscard]] Future {
 public:
  explicit Future(std::shared_ptr<runtime::PendingCall> call) : reply_(std::move(call)) {}

  /// Waits for the answer. Shape: once. Threads: none that the runtime needs to answer.
  [[nodiscard]] Result<T> get() {
    reply_.wait();
    return detail::read_reply<T>(reply_.take());
  }
  [[nodiscard]] bool is_ready() const { return reply_.is_ready(); }
  void wait() const { reply_.wait(); }
  /// Who resumes the coroutine that waits.
  [[nodiscard]] Future on(Executor& executor) && {
    reply_.on(executor);
    return std::move(*this);
  }
  /// Nobody wants to know what comes of it.
  void ignore() && { reply_.ignore(); }

  // ---- for `co_await`, once
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) {
    return reply_.suspend(waiting);
  }
  [[nodiscard]] Result<T> await_resume() { return detail::read_reply<T>(reply_.take()); }

 private:
  detail::PendingReply reply_;
};

/// A future that is given a name before it is awaited:
///
///   auto written = list.call(write, {.text = "bread"});
///   const auto end = co_await written;
///
/// GCC before version 13 destroys a temporary twice that is made by braces within a `co_await`, if
/// its type is an aggregate that owns something, such as a payload with a std::string. Calls that
/// are given one return this, so that such code does not compile. All other compilers see a Future.
template <class T>
class [[nodiscard]] NamedFuture {
 public:
  explicit NamedFuture(std::shared_ptr<runtime::PendingCall> call) : future_(std::move(call)) {}
  operator Future<T>() && { return std::move(future_); }  // NOLINT: it is one

  [[nodiscard]] Result<T> get() { return future_.get(); }
  [[nodiscard]] bool is_ready() const { return future_.is_ready(); }
  void wait() const { future_.wait(); }
  [[nodiscard]] NamedFuture on(Executor& executor) && {
    future_ = std::move(future_).on(executor);
    return std::move(*this);
  }
  void ignore() && { std::move(future_).ignore(); }

  /// Of `co_await`.
  struct Waiting {
    Future<T>* future;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) {
      return future->await_suspend(waiting);
    }
    [[nodiscard]] Result<T> await_resume() { return future->await_resume(); }
  };
  Waiting operator co_await() & { return {&future_}; }
  Waiting operator co_await() && = delete;  // give the future a name first

 private:
  Future<T> future_;
};

namespace detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool breaks_braces_in_co_await = true;
#else
inline constexpr bool breaks_braces_in_co_await = false;
#endif

/// What a call returns that is given a `Given` which may be made by braces.
template <class T, class Given>
using FutureGiven = std::conditional_t<breaks_braces_in_co_await && std::is_aggregate_v<Given> &&
                                           !std::is_trivially_destructible_v<Given>,
                                       NamedFuture<T>, Future<T>>;

}  // namespace detail

}  // namespace perdure
