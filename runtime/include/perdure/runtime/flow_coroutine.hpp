// SPDX-License-Identifier: Apache-2.0
// Flow<T>: the coroutine of a flow, or of a part of one that another awaits. What flows are, and
// what they wait for, is in flow.hpp.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "perdure/runtime/handler.hpp"

namespace perdure {

class FlowContext;

template <class T = Json>
class Flow;

namespace detail {

/// What all promises of flows share: whoever awaits this one goes on after it.
class FlowPromiseBase {
 public:
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const auto next = ended.promise().next_;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() { thrown_ = std::current_exception(); }
  void go_on_with(std::coroutine_handle<> next) { next_ = next; }

 protected:
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::coroutine_handle<> next_;
  std::exception_ptr thrown_;
};

template <class T>
class FlowPromise : public FlowPromiseBase {
 public:
  Flow<T> get_return_object();
  template <class U>
  requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) { value_.emplace(std::forward<U>(value)); }
  [[nodiscard]] T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class FlowPromise<void> : public FlowPromiseBase {
 public:
  Flow<void> get_return_object();
  void return_void() const noexcept {}
  void take() const { rethrow(); }
};

}  // namespace detail

/// The coroutine of a flow, or of a part of one, which another awaits.
///
/// Lifetime  owns its frame. A frame that waits is destroyed, and made anew: its locals must not
///           mind.
template <class T>
class [[nodiscard]] Flow {
 public:
  using promise_type = detail::FlowPromise<T>;
  using value_type = T;

  explicit Flow(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  Flow(Flow&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Flow& operator=(Flow&&) = delete;
  ~Flow() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> next) const {
    frame_.promise().go_on_with(next);
    return frame_;
  }
  T await_resume() const { return frame_.promise().take(); }

  /// Runs it until its end, or until it waits for something that is not there.
  /// Returns  whether it has ended.
  [[nodiscard]] bool run() const {
    frame_.resume();
    return frame_.done();
  }

 private:
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Flow<T> FlowPromise<T>::get_return_object() {
  return Flow<T>{std::coroutine_handle<FlowPromise<T>>::from_promise(*this)};
}
inline Flow<void> FlowPromise<void>::get_return_object() {
  return Flow<void>{std::coroutine_handle<FlowPromise<void>>::from_promise(*this)};
}

/// What a flow came to; none: it waits.
using FlowOutcome = std::optional<Result<Json>>;

template <class T>
FlowOutcome run_flow(const Flow<T>& flow) {
  if (!flow.run()) return {};
  return call_handler([&flow]() -> T { return flow.await_resume(); });
}

/// What a command's handler is, by its parameters.
template <class F>
struct FlowForm {
  static constexpr bool is_flow = false;
};
// clang-format off
template <class F>
  requires requires { &F::operator(); }
struct FlowForm<F> : FlowForm<decltype(&F::operator())> {};
// clang-format on
template <class C, class R, class... A>
struct FlowForm<R (C::*)(A...) const> : FlowForm<R (*)(A...)> {};
template <class R, class... A>
struct FlowForm<R (*)(FlowContext&, A...)> {
  static constexpr bool is_flow = true;
  template <class State>
  static constexpr bool holds =
      std::is_same_v<std::tuple_element_t<0, std::tuple<A..., void>>, State&>;
};

}  // namespace detail

}  // namespace perdure
