// SPDX-License-Identifier: Apache-2.0
#include "app/worker_pool.hpp"

namespace perdure::api {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Result<void> WorkerPool::run(std::function<void()> task) {
  {
    const std::lock_guard lock{mutex_};
    if (tasks_.size() >= queue_max_) {
      return fail(ErrorCode::overloaded, "too many slow requests are waiting");
    }
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return {};
}

void WorkerPool::work() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace perdure::api
