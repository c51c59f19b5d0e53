// SPDX-License-Identifier: Apache-2.0
// HandlerMark: what a thread is doing for a runtime, while it does it: running a handler of an
// object, or handing out a reply. Whoever waits there for a call of the same runtime may wait for
// its own thread; so such calls look for marks, and say whose handler it is.
//
// A mark costs two writes to a variable of the thread.
#pragma once

#include <string>
#include <string_view>

#include "perdure/base/result.hpp"

namespace perdure::runtime {

/// Threads  one; marks of a thread end in the opposite order.
class HandlerMark {
 public:
  enum class Of { handler, reply };

  /// `runtime` tells runtimes of a process apart; null: of none. Borrows the names.
  HandlerMark(const void* runtime, Of of, std::string_view kind, std::string_view name)
      : runtime_(runtime), of_(of), kind_(kind), name_(name), outer_(innermost_) {
    innermost_ = this;
  }
  ~HandlerMark() { innermost_ = outer_; }
  HandlerMark(const HandlerMark&) = delete;
  HandlerMark& operator=(const HandlerMark&) = delete;

  /// Errors: invalid (`blocks_its_runtime`) on a thread that is in a handler of `runtime`, which
  /// would wait for `what`.
  [[nodiscard]] static Result<void> may_wait(const void* runtime, std::string_view what);

 private:
  static thread_local const HandlerMark* innermost_;

  const void* const runtime_;
  const Of of_;
  const std::string_view kind_;
  const std::string_view name_;
  const HandlerMark* const outer_;
};

}  // namespace perdure::runtime
