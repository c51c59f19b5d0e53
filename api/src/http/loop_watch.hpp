// SPDX-License-Identifier: Apache-2.0
// LoopWatch: aborts a debug build in which one handler holds an io thread.
//
// All connections of a loop wait for the handler that runs. What takes longer than a millisecond
// belongs on another thread, or is cut into slices between which the loop serves others.
//
// Costs   two system calls a handler in debug builds; nothing with NDEBUG.
// Limits  ServerOptions::loop_held_max of the thread's own processor time, ten times that under
//         sanitizers: what others take from the thread is not its fault.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string_view>

#include "perdure/base/time.hpp"

#ifndef NDEBUG
#include <string>

#include "perdure/base/check.hpp"
#include "perdure/base/processor_time.hpp"
#endif

namespace perdure::http {

#ifdef NDEBUG

class LoopWatch {
 public:
  explicit LoopWatch(Milliseconds /*cpu_max*/) {}
  void run(boost::asio::io_context& context) { context.run(); }
  void begin() {}
  std::size_t run_one(boost::asio::io_context& context) { return context.run_one(); }
  std::size_t poll_one(boost::asio::io_context& context) { return context.poll_one(); }
  void note(std::string_view /*what*/, std::string_view /*which*/) {}
  void excuse() {}
};

#else

/// Threads  the loop's.
class LoopWatch {
 public:
  explicit LoopWatch(Milliseconds cpu_max) : cpu_ns_max_(cpu_max.count() * 1'000'000 * slower) {}

  /// Runs all handlers of `context`.
  void run(boost::asio::io_context& context) {
    begin();
    while (run_one(context) > 0) {
    }
  }
  /// What ran since the last handler was none.
  void begin() { before_ = processor_time().count(); }
  /// Runs a handler of `context`, once there is one, or one that is ready. 0: there is none.
  std::size_t run_one(boost::asio::io_context& context) { return judged(context.run_one()); }
  std::size_t poll_one(boost::asio::io_context& context) { return judged(context.poll_one()); }

  /// What the handler does, for the message.
  void note(std::string_view what, std::string_view which) {
    if (noted_.size() < 200) noted_.append(" ").append(what).append(" ").append(which);
  }
  /// The loop ends, and nobody waits for it any more.
  void excuse() { excused_ = true; }

 private:
  // Sanitizers make all code slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr std::int64_t slower = 10;
#elif defined(__clang__)
  static constexpr std::int64_t slower =
      __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ? 10 : 1;
#else
  static constexpr std::int64_t slower = 1;
#endif

  std::size_t judged(std::size_t ran) {
    const auto after = processor_time().count();
    if (after - before_ > cpu_ns_max_ && !excused_) fail(after - before_);
    before_ = after;
    noted_.clear();
    return ran;
  }

  [[noreturn]] void fail(std::int64_t ns) const {
    check_failed("an io thread is not held", "by" + (noted_.empty() ? " some handler" : noted_) +
                                                 ", for " + std::to_string(ns / 1'000) +
                                                 " us of processor time");
  }

  const std::int64_t cpu_ns_max_;
  std::int64_t before_ = 0;
  std::string noted_;
  bool excused_ = false;
};

#endif

}  // namespace perdure::http
