// SPDX-License-Identifier: Apache-2.0
// JobThreads: as many threads as there is work at the same time. They stay, for the next.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace perdure::actors {

/// Threads  any.
/// Limits   none of its own: what runs at the same time is bounded by who gives work.
class JobThreads {
 public:
  JobThreads() = default;
  ~JobThreads() { join(); }
  JobThreads(const JobThreads&) = delete;
  JobThreads& operator=(const JobThreads&) = delete;

  void run(std::function<void()> work) {
    const std::scoped_lock lock{mutex_};
    waiting_.push_back(std::move(work));
    if (waiting_.size() > idle_) {
      threads_.emplace_back([this] { loop(); });
    } else {
      changed_.notify_one();
    }
  }

  /// Does what waits, and ends the threads. Later work is done by nobody.
  void join() {
    std::vector<std::thread> threads;
    {
      const std::scoped_lock lock{mutex_};
      ending_ = true;
      threads = std::move(threads_);
      threads_.clear();
    }
    changed_.notify_all();
    for (auto& thread : threads) thread.join();
  }

 private:
  void loop() {
    std::unique_lock lock{mutex_};
    for (;;) {
      ++idle_;
      changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      auto work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace perdure::actors
