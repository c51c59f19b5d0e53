// SPDX-License-Identifier: Apache-2.0
// WorkerPool: threads for what io threads must not do. Owners take turns: the next task is one of
// the owner that has had the fewest threads and the least time, and a long task gives its thread
// back after a slice, to go on when it is its owner's turn again. So whoever comes waits for one
// slice for each thread at most, whatever another owner has asked for.
//
// A task that cannot go on now, as the reader of its answer is slow or an object has to answer
// first, parks: it holds no thread until it is resumed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "perdure/base/fair_queue.hpp"
#include "perdure/base/result.hpp"

namespace perdure::api {

/// What is left of a task after a slice of it.
enum class Step {
  done,
  again,   ///< behind those of others
  parked,  ///< nothing, until WorkerPool::resume
};

/// How long a task may keep its thread.
class Slice {
 public:
  using Ticks = std::function<std::chrono::nanoseconds()>;  // time since some start

  Slice(const Ticks& now, std::chrono::nanoseconds end) : now_(now), end_(end) {}
  [[nodiscard]] bool over() const { return now_() >= end_; }

 private:
  const Ticks& now_;
  std::chrono::nanoseconds end_;
};

/// Work that is done in slices. Dropped unfinished when its pool is destroyed.
class SlowTask {
 public:
  SlowTask() = default;
  virtual ~SlowTask() = default;
  SlowTask(const SlowTask&) = delete;
  SlowTask& operator=(const SlowTask&) = delete;

  /// Works until it is done, or has to wait, or `slice` is over. One thread at a time.
  [[nodiscard]] virtual Step step(const Slice& slice) = 0;

 private:
  friend class WorkerPool;
  enum class State { fresh, waiting, running, parked, gone };
  OwnerKey owner_ = 0;  // under the pool's mutex, as all that follows
  State state_ = State::fresh;
  bool resumed_ = false;  // while it was running: it does not park
};

using SlowTaskPtr = std::shared_ptr<SlowTask>;  // shared with who resumes it

struct WorkerPoolOptions {
  std::string name = "perdure.pool";  ///< of its threads
  std::size_t threads = 1;
  std::size_t tasks_max = 256;        ///< tasks that wait, run or are parked
  std::size_t owner_tasks_max = 128;  ///< those of one owner
  std::chrono::nanoseconds slice = std::chrono::milliseconds{5};
  Slice::Ticks now = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
};

/// Threads    any.
/// Lifecycle  the destructor gives each task that waits one more slice, and drops the rest.
/// Limits     WorkerPoolOptions.
class WorkerPool {
 public:
  explicit WorkerPool(WorkerPoolOptions options);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Errors  rate_limited  the owner has as many tasks here as it may have.
  ///         overloaded    all owners together have.
  Result<void> run(OwnerKey owner, SlowTaskPtr task);
  /// What needs no slices.
  Result<void> run(OwnerKey owner, std::function<void()> work);

  /// A parked task goes on; one that is about to park does so at once. Others: no effect.
  void resume(const SlowTaskPtr& task);

  /// Tasks that wait, run or are parked.
  [[nodiscard]] std::size_t tasks() const;

 private:
  void work();
  void enqueue(const SlowTaskPtr& task);
  void settle(const SlowTaskPtr& task, Step step, std::chrono::nanoseconds took);
  void forget(SlowTask& task);

  const WorkerPoolOptions options_;
  mutable std::mutex mutex_;  // guards all that follows, and the tasks' private members
  std::condition_variable changed_;
  FairQueue<SlowTaskPtr> waiting_;
  std::unordered_set<SlowTaskPtr> parked_;
  std::unordered_map<OwnerKey, std::size_t> tasks_of_;
  std::size_t tasks_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace perdure::api
