// SPDX-License-Identifier: Apache-2.0
// Housekeeper: what happens without anybody asking. Hibernation of idle objects, and of the least
// recently used ones when memory is short; retention of old versions.
#pragma once

#include <condition_variable>
#include <deque>

#include "directory.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/options.hpp"
#include "times.hpp"

namespace perdure::runtime {

/// The seq that retention lets the object's history begin with, given that times do not go back.
/// `first` and `last` are the seqs that are there; `time_of` gives the time of a record between.
/// Errors: those of `time_of`.
[[nodiscard]] Result<Seq> retention_floor(const Retention& retention, Seq first, Seq last,
                                          Timestamp now,
                                          const std::function<Result<Timestamp>(Seq)>& time_of);

/// Threads  queue_trim: any. step, run: one thread.
class Housekeeper {
 public:
  struct Policy {
    Milliseconds hibernate_after;
    std::size_t active_bytes_max;
    Retention retention;
  };

  Housekeeper(storage::Store& store, Directory& directory, const Clock& clock, const Times& times,
              Policy policy);

  /// What another part wants done in each round, on the housekeeper's thread. Before `run`.
  void add_chore(std::function<void()> chore) { chores_.push_back(std::move(chore)); }

  /// Called after a commit: notes objects whose history has grown past its bounds.
  void committed(Cell& cell, const Version& version);

  /// One round. Does the chores, hibernates, and trims at most `trims_max` objects.
  void step(std::size_t trims_max = 64);

  void run();
  void stop();

 private:
  void trim(const ObjectId& object);

  storage::Store& store_;
  Directory& directory_;
  const Clock& clock_;
  const Times& times_;
  const Policy policy_;
  const Seq records_between_looks_;
  std::vector<std::function<void()>> chores_;

  WatchedMutex mutex_;  // guards the rest
  std::condition_variable_any woken_;
  std::deque<ObjectId> to_trim_;
  bool stopping_ = false;
};

}  // namespace perdure::runtime
