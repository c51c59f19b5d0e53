// SPDX-License-Identifier: Apache-2.0
// Slow work: the classes of what requests ask for and io threads must not do. Each class has
// threads of its own, so that an export holds up no list and a password no export; within a class
// the owners of the requests take turns (worker_pool.hpp).
#pragma once

#include <functional>

#include "app/context.hpp"
#include "app/route.hpp"
#include "app/worker_pool.hpp"
#include "perdure/api/app/application.hpp"

namespace perdure::api {

struct SlowWork {
  explicit SlowWork(const SlowLimits& limits);

  [[nodiscard]] WorkerPool& of(WorkClass work) {
    switch (work) {
      case WorkClass::read: return reads;
      case WorkClass::transfer: return transfers;
      case WorkClass::hash: return hashes;
    }
    return reads;
  }

  WorkerPool reads;      ///< lists and single looks at the store
  WorkerPool transfers;  ///< exports, imports, erasures: in slices
  WorkerPool hashes;     ///< of passwords: each takes 64 MiB while it is made
};

/// Whose turn a request takes, and for whom memory is held: its user's; without one, its peer's.
[[nodiscard]] OwnerKey owner_of(const Context& context);

/// Has a request's work done, or answers that there is no room for it. The work answers.
void run_slow(const ContextPtr& context, WorkClass work, std::function<void()> task);
void run_slow(const ContextPtr& context, WorkClass work, SlowTaskPtr task);

}  // namespace perdure::api
