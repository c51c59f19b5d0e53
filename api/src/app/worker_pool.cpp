// SPDX-License-Identifier: Apache-2.0
#include "app/worker_pool.hpp"

#include <pthread.h>

#include <algorithm>

namespace perdure::api {

namespace {

class Work final : public SlowTask {
 public:
  explicit Work(std::function<void()> work) : work_(std::move(work)) {}
  Step step(const Slice& /*slice*/) override {
    work_();
    return Step::done;
  }

 private:
  const std::function<void()> work_;
};

}  // namespace

WorkerPool::WorkerPool(WorkerPoolOptions options) : options_(std::move(options)) {
  threads_.reserve(options_.threads);
  for (std::size_t i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), options_.name.c_str());
      work();
    });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Result<void> WorkerPool::run(OwnerKey owner, SlowTaskPtr task) {
  {
    const std::lock_guard lock{mutex_};
    if (tasks_ >= options_.tasks_max) {
      return fail(ErrorCode::overloaded, "too many slow requests are waiting");
    }
    auto& own = tasks_of_[owner];
    if (own >= options_.owner_tasks_max) {
      return fail(ErrorCode::rate_limited, "too many slow requests of yours are waiting");
    }
    ++own;
    ++tasks_;
    task->owner_ = owner;
    enqueue(task);
  }
  changed_.notify_one();
  return {};
}

Result<void> WorkerPool::run(OwnerKey owner, std::function<void()> work) {
  return run(owner, std::make_shared<Work>(std::move(work)));
}

void WorkerPool::resume(const SlowTaskPtr& task) {
  {
    const std::lock_guard lock{mutex_};
    if (task->state_ == SlowTask::State::running) task->resumed_ = true;
    if (task->state_ != SlowTask::State::parked) return;
    parked_.erase(task);
    enqueue(task);
  }
  changed_.notify_one();
}

std::size_t WorkerPool::tasks() const {
  const std::lock_guard lock{mutex_};
  return tasks_;
}

void WorkerPool::work() {
  for (;;) {
    SlowTaskPtr task;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      auto taken = waiting_.take();
      if (!taken) return;
      task = std::move(taken->item);
      task->state_ = SlowTask::State::running;
      task->resumed_ = false;
    }
    const auto begun = options_.now();
    const auto step = task->step({options_.now, begun + options_.slice});
    settle(task, step, options_.now() - begun);
  }
}

void WorkerPool::enqueue(const SlowTaskPtr& task) {
  task->state_ = SlowTask::State::waiting;
  const auto queued = waiting_.push(task->owner_, SlowTaskPtr{task});
  PERDURE_CHECK(queued == Queued::yes, "the queue has no bounds of its own");
}

void WorkerPool::settle(const SlowTaskPtr& task, Step step, std::chrono::nanoseconds took) {
  const std::lock_guard lock{mutex_};
  if (step == Step::parked && task->resumed_) step = Step::again;
  // A slice costs something even where the clock did not see it.
  waiting_.finish(task->owner_,
                  static_cast<std::uint64_t>(std::max<std::int64_t>(1, took.count())));
  if (step == Step::done || stopping_) {
    forget(*task);
  } else if (step == Step::again) {
    enqueue(task);  // this thread looks next: nobody needs to be woken
  } else {
    task->state_ = SlowTask::State::parked;
    parked_.insert(task);
  }
}

void WorkerPool::forget(SlowTask& task) {
  task.state_ = SlowTask::State::gone;
  --tasks_;
  const auto own = tasks_of_.find(task.owner_);
  if (--own->second == 0) tasks_of_.erase(own);
}

}  // namespace perdure::api
