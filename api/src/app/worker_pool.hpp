// SPDX-License-Identifier: Apache-2.0
// WorkerPool: a few threads for what io threads must not do: hash passwords, read ranges.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "perdure/base/result.hpp"

namespace perdure::api {

/// Threads    any. Tasks run in the order of their arrival.
/// Lifecycle  the destructor finishes what was accepted.
/// Limits     `queue_max` tasks wait.
class WorkerPool {
 public:
  WorkerPool(std::size_t threads, std::size_t queue_max);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Errors  overloaded  the queue is full.
  Result<void> run(std::function<void()> task);

 private:
  void work();

  std::size_t queue_max_;
  std::mutex mutex_;  // guards tasks_ and stopping_
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace perdure::api
