// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/executor.hpp"

#include "perdure/base/check.hpp"
#include "thread_name.hpp"

namespace perdure {

namespace {

/// The executor whose thread this is.
constinit thread_local const ThreadExecutor* executor_here = nullptr;

}  // namespace

ThreadExecutor::ThreadExecutor(std::size_t threads) {
  PERDURE_CHECK(threads > 0, "an executor without threads");
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      runtime::name_thread("perdure.calls");
      executor_here = this;
      run();
    });
  }
}

ThreadExecutor::~ThreadExecutor() { finish(); }

void ThreadExecutor::post(std::function<void()> work) {
  {
    const std::scoped_lock lock{mutex_};
    if (!finishing_) {
      work_.push_back(std::move(work));
      changed_.notify_one();
      return;
    }
  }
  work();
}

bool ThreadExecutor::runs_here() const { return executor_here == this; }

void ThreadExecutor::finish() {
  PERDURE_CHECK(!runs_here(), "an executor is ended by work of its own");
  {
    const std::scoped_lock lock{mutex_};
    finishing_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ThreadExecutor::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return finishing_ || !work_.empty(); });
    if (work_.empty()) return;
    auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds ends outside of the lock
    lock.lock();
  }
}

void QueueExecutor::post(std::function<void()> work) {
  const std::scoped_lock lock{mutex_};
  work_.push_back(std::move(work));
  changed_.notify_one();
}

bool QueueExecutor::run_one() {
  std::function<void()> work;
  {
    const std::scoped_lock lock{mutex_};
    if (work_.empty()) return false;
    work = std::move(work_.front());
    work_.pop_front();
  }
  work();
  return true;
}

std::size_t QueueExecutor::run() {
  std::size_t count = 0;
  while (run_one()) ++count;
  return count;
}

void QueueExecutor::run_until(const std::function<bool()>& is_so) {
  while (!is_so()) {
    if (run_one()) continue;
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !work_.empty(); });
  }
}

}  // namespace perdure
