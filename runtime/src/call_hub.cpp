// SPDX-License-Identifier: Apache-2.0
#include "call_hub.hpp"

#include <fmt/format.h>

namespace perdure::runtime {

namespace {

/// Lines on stderr, for programs without hooks.
constexpr std::size_t told_max = 20;

}  // namespace

CallHub::CallHub(const Clock& clock, const Settings& settings)
    : settings_(settings), deadlines_(clock) {
  if (settings_.threads > 0) deadlines_.run_by_itself();
}

Executor* CallHub::executor() {
  if (settings_.executor != nullptr) return settings_.executor;
  const std::scoped_lock lock{mutex_};
  if (!threads_ && !closed_ && settings_.threads > 0) {
    threads_ = std::make_unique<ThreadExecutor>(settings_.threads);
  }
  return threads_.get();
}

void CallHub::unheard(const ObjectId& object, const std::string& name, const Error& error) {
  bool is_last = false;
  {
    const std::scoped_lock lock{mutex_};
    if (closed_) return;
    if (settings_.hooks == nullptr && ++told_ > told_max) return;
    is_last = told_ == told_max;
    ++telling_;  // the hooks stay until it is done
  }
  if (settings_.hooks != nullptr) {
    settings_.hooks->call_unheard(object, name, error);
  } else {
    fmt::print(stderr, "perdure: nobody asked what became of {} of {}: {}{}\n", name,
               to_string(object), to_string(error), is_last ? " (no more of these lines)" : "");
  }
  const std::scoped_lock lock{mutex_};
  if (--telling_ == 0) told_all_.notify_all();
}

void CallHub::close() {
  deadlines_.stop();
  ThreadExecutor* threads = nullptr;
  {
    const std::scoped_lock lock{mutex_};
    threads = threads_.get();
  }
  if (threads != nullptr) threads->finish();
  std::unique_lock lock{mutex_};
  closed_ = true;
  told_all_.wait(lock, [this] { return telling_ == 0; });
}

}  // namespace perdure::runtime
