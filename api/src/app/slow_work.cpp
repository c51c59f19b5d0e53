// SPDX-License-Identifier: Apache-2.0
#include "app/slow_work.hpp"

#include "app/batch/part.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

WorkerPoolOptions pool(std::string name, std::size_t threads, const SlowLimits& limits) {
  return {.name = std::move(name),
          .threads = threads,
          .tasks_max = limits.requests_max,
          .owner_tasks_max = limits.owner_requests_max};
}

template <class Task>
void run_in_pool(const ContextPtr& context, WorkClass work, Task task) {
  auto taken = context->services.slow_work.of(work).run(context->owner(), std::move(task));
  if (!taken) answer(*context, std::move(taken).error());
}

}  // namespace

SlowWork::SlowWork(const SlowLimits& limits)
    : reads(pool("perdure.reads", limits.read_threads, limits)),
      transfers(pool("perdure.exports", limits.transfer_threads, limits)),
      hashes(pool("perdure.hashes", limits.hash_threads, limits)) {}

void run_slow(const ContextPtr& context, WorkClass work, std::function<void()> task) {
  // An atomic batch is on a thread for such work already, and goes on when this is done.
  if (context->part && context->part->is_atomic()) return task();
  run_in_pool(context, work, std::move(task));
}

void run_slow(const ContextPtr& context, WorkClass work, SlowTaskPtr task) {
  run_in_pool(context, work, std::move(task));
}

}  // namespace perdure::api
