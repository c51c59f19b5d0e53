// SPDX-License-Identifier: Apache-2.0
// CallHub: what all calls that somebody waits for share: their deadlines, the executor of those
// that name none, and who hears of failures that nobody asked for. Calls keep it, so it may outlive
// the runtime.
#pragma once

#include <memory>

#include "call_deadlines.hpp"
#include "perdure/runtime/executor.hpp"
#include "perdure/runtime/options.hpp"

namespace perdure::runtime {

/// Threads  any; close: once.
class CallHub {
 public:
  struct Settings {
    Milliseconds deadline;
    Executor* executor;   ///< null: threads of its own
    std::size_t threads;  ///< 0: none, where nothing moves by itself
    EveryHook* hooks;     ///< null: stderr
    const void* runtime;  ///< which handlers are those of this one (HandlerMark)
  };

  CallHub(const Clock& clock, const Settings& settings);

  [[nodiscard]] CallDeadlines& deadlines() { return deadlines_; }
  [[nodiscard]] Milliseconds deadline() const { return settings_.deadline; }
  [[nodiscard]] const void* runtime() const { return settings_.runtime; }
  /// That of calls which name none. Null: there is none (any more).
  [[nodiscard]] Executor* executor();
  void unheard(const ObjectId& object, const std::string& name, const Error& error);
  /// The runtime ends, and all calls have been answered: coroutines that are to go on do so, and
  /// from then on nothing of the runtime is touched. Not on a thread of its own.
  void close();

 private:
  const Settings settings_;
  CallDeadlines deadlines_;
  WatchedMutex mutex_;  // guards the rest
  std::condition_variable_any told_all_;
  bool closed_ = false;
  std::size_t telling_ = 0;  ///< threads that call a hook
  std::size_t told_ = 0;     ///< lines on stderr
  std::unique_ptr<ThreadExecutor> threads_;
};

}  // namespace perdure::runtime
