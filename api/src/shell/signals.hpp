// SPDX-License-Identifier: Apache-2.0
// The signals that steer the server, received by one thread instead of by handlers.
#pragma once

namespace perdure::shell {

enum class Wish {
  stop,    ///< SIGTERM or SIGINT
  reload,  ///< SIGHUP
};

/// Lifecycle  made before any thread is started, so that all of them inherit the blocked signals.
/// Threads    `wait` on one thread.
class Signals {
 public:
  Signals();

  /// Blocks until somebody wishes something.
  [[nodiscard]] Wish wait();

  /// From now on SIGTERM and SIGINT end the process at once, with status 1.
  void stop_at_once_from_now_on();
};

}  // namespace perdure::shell
