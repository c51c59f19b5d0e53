// SPDX-License-Identifier: Apache-2.0
// FairScheduler: CAF's scheduler with one queue in which owners take turns (ADR 14).
//
// CAF asks a policy which work a worker does next. This one keeps a FairQueue: all work of one
// owner stands in one line, and each slice is charged to its owner with the time that the worker
// had for it. So an owner waits for at most a slice or two of each other one, however many of their
// objects are called however often.
#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/logger.hpp>
#include <caf/policy/unprofiled.hpp>
// CAF's logger is off here, and a worker that tells it whose turn it is makes a dynamic_cast for
// each slice: a twentieth of a turn on a worker.
#undef CAF_PUSH_AID_FROM_PTR
#define CAF_PUSH_AID_FROM_PTR(actor) static_cast<void>(0)
#include <caf/scheduler/coordinator.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "owned.hpp"

namespace perdure::runtime {

/// What the workers of one scheduler share.
///
/// Threads  any.
class WorkQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// A worker's slice: whose it is, and since when it runs.
  struct Slice {
    OwnerKey owner;
    Time begun;
  };

  void push(caf::resumable* work) {
    const auto owner = owner_of(*work);
    bool wake = false;
    {
      const std::scoped_lock lock{mutex_};
      // It has no bound of its own: an object is in it once, and a load is a call in flight.
      static_cast<void>(queue_.push(owner, std::move(work)));
      wake = sleeping_ > 0;
    }
    if (wake) arrived_.notify_one();
  }

  /// Ends the worker's last slice, if it had one, and waits for the next.
  caf::resumable* next(std::optional<Slice>& slice) {
    std::unique_lock lock{mutex_};
    if (slice) {
      const auto took = std::chrono::steady_clock::now() - slice->begun;
      queue_.finish(slice->owner, static_cast<std::uint64_t>(took.count()));
      slice.reset();
    }
    auto taken = queue_.take();
    while (!taken) {
      ++sleeping_;
      arrived_.wait(lock);
      --sleeping_;
      taken = queue_.take();
    }
    lock.unlock();
    slice = Slice{taken->owner, std::chrono::steady_clock::now()};
    return taken->item;
  }

  /// What waits, in its order, once no worker is left.
  template <class F>
  void drain(F consume) {
    while (auto* work = take_at_once()) consume(work);  // which may push more
  }

  /// Aborts when what waits is out of order.
  void check_invariants() const {
    const std::scoped_lock lock{mutex_};
    queue_.check_invariants();
  }

 private:
  caf::resumable* take_at_once() {
    const std::scoped_lock lock{mutex_};
    const auto taken = queue_.take();
    if (!taken) return nullptr;
    queue_.finish(taken->owner, 0);
    return taken->item;
  }

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable arrived_;
  FairQueue<caf::resumable*> queue_;  ///< counted, each
  std::size_t sleeping_ = 0;          ///< workers
};

/// As caf::policy::work_sharing, but for the order of its queue.
class FairPolicy final : public caf::policy::unprofiled {
 public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {}
    WorkQueue queue;
  };
  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}
    std::optional<WorkQueue::Slice> slice;
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* work) {
    d(self).queue.push(work);
  }
  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* work) {
    central_enqueue(self->parent(), work);
  }
  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* work) {
    central_enqueue(self->parent(), work);
  }
  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* work) {
    central_enqueue(self->parent(), work);
  }
  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    return d(self->parent()).queue.next(d(self).slice);
  }
  template <class Worker, class F>
  void foreach_resumable(Worker*, F) {}
  template <class Coordinator, class F>
  void foreach_central_resumable(Coordinator* self, F consume) {
    d(self).queue.drain(consume);
  }
};

using FairScheduler = caf::scheduler::coordinator<FairPolicy>;

/// Actor systems made with `config` have a FairScheduler with so many workers.
inline void schedule_fairly(caf::actor_system_config& config, std::size_t workers) {
  config.set("scheduler.max-threads", workers);
  config.load<FairScheduler>();
}

}  // namespace perdure::runtime
