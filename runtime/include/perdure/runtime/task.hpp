// SPDX-License-Identifier: Apache-2.0
// Task: a coroutine that calls objects, for programs that have no coroutine type of their own.
// Futures can be awaited in any coroutine; a Task is the small one that comes along.
//
//   perdure::Task<perdure::Result<void>> visit(perdure::Object<Counter> counter) {
//     PERDURE_CO_TRY(total, co_await counter.call(add, {.by = 1}));
//     …
//   }
//   perdure::start(visit(alice), [](perdure::Result<void> end) { … });   // returns when it waits
//   const auto end = perdure::wait_for(visit(alice));                    // blocks this thread
//
// Lifecycle  It begins when it is awaited, started or waited for, on the thread at hand, and goes
//            on where its calls' executor says. It may be dropped before it begins.
// Errors     An exception that leaves it ends the program: what can fail says so by a Result.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "perdure/base/check.hpp"
#include "perdure/base/result.hpp"

namespace perdure {

/// T is what `co_return` gives, and is not void: a Result<void> says that it went well.
template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> waiting = std::noop_coroutine();

    Task get_return_object() {
      return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
        return ended.promise().waiting;
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    template <class U>
    void return_value(U&& result) {
      value.emplace(std::forward<U>(result));
    }
    void unhandled_exception() { std::terminate(); }
  };

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) {
    PERDURE_CHECK(frame_, "a task is awaited after it was moved away");
    frame_.promise().waiting = waiting;
    return frame_;
  }
  T await_resume() { return std::move(*frame_.promise().value); }

 private:
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

/// A coroutine that runs by itself, and frees its frame when it ends.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

template <class T, class Done>
Detached run_detached(Task<T> task, Done done) {
  done(co_await task);
}

}  // namespace detail

/// Begins a task; `done` gets what it returns, where it ends.
template <class T, class Done>
void start(Task<T> task, Done done) {
  detail::run_detached(std::move(task), std::move(done));
}

/// Begins a task and waits for its end. Threads: not one that its calls' executor needs.
template <class T>
[[nodiscard]] T wait_for(Task<T> task) {
  struct End {
    std::optional<T> value;
    std::atomic<bool> is_there{false};
  };
  // Shared: whoever wakes this thread is still at it when it goes on.
  const auto end = std::make_shared<End>();
  start(std::move(task), [end](T given) {
    end->value.emplace(std::move(given));
    end->is_there.store(true, std::memory_order_release);
    end->is_there.notify_one();
  });
  end->is_there.wait(false, std::memory_order_acquire);
  return std::move(*end->value);
}

/// As PERDURE_TRY and PERDURE_TRY_VOID, in a coroutine.
#define PERDURE_CO_TRY(name, expression)                                           \
  auto name##_result = (expression);                                               \
  if (!name##_result) co_return ::perdure::fail(std::move(name##_result).error()); \
  auto& name = *name##_result
#define PERDURE_CO_TRY_VOID(expression) \
  if (auto tried = (expression); !tried) co_return ::perdure::fail(std::move(tried).error())

}  // namespace perdure
