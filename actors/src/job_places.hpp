// SPDX-License-Identifier: Apache-2.0
// JobPlaces: who runs the jobs of one type next, over all queues.
//
// A queue's place is not enough to begin: the type has places of its own, which all queues share.
// Owners take turns for them by the rule of JobOptions; within an owner the run with the highest
// priority is next, then the one that came first.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "job_run.hpp"
#include "perdure/base/fair_queue.hpp"

namespace perdure::actors {

/// Threads  none of its own: the user locks.
/// Limits   none of its own: runs come from places of queues.
class JobPlaces {
 public:
  using RunPtr = std::shared_ptr<JobRun>;

  JobPlaces(std::size_t places, const JobOptions& rules) : places_(places), rules_(rules) {}

  void add(RunPtr run);
  /// The run that gets a place now; null when nobody does. `release` must be called for it.
  [[nodiscard]] RunPtr next();
  void release(const RunPtr& run);
  /// Takes out those that wait. Nobody gets a place after it.
  [[nodiscard]] std::vector<RunPtr> close();

  /// True while one thread gives places: others leave it to that one, so that a run that ends
  /// before its call returns does not begin the next one on top of it.
  bool is_giving = false;

 private:
  struct Ticket {};
  /// Falling priority, then arrival.
  using Rank = std::pair<int, std::uint64_t>;

  [[nodiscard]] static OwnerKey owner_of(const JobRun& run) {
    return owner_key(turn_key_of(run.stay()));
  }

  const std::size_t places_;
  const JobOptions& rules_;
  FairQueue<Ticket> line_;  ///< one ticket for each run that waits
  std::unordered_map<OwnerKey, std::map<Rank, RunPtr>> waiting_;
  std::size_t taken_ = 0;
  bool closed_ = false;
  std::uint64_t arrivals_ = 0;
};

}  // namespace perdure::actors
