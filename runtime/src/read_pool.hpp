// SPDX-License-Identifier: Apache-2.0
// ReadPool: fetches rows for those who must not wait for them, where reads of the store are slow.
//
//   turn lacks rows ── fetch ──→ queue ── a thread takes many fetches ──→ one StoreReader::read
//        ↑                                                                        │
//        └───────────────── done: the turn runs again ←───────────────────────────┘
//
// A thread takes all that waits, up to `batch_reads_max` reads, so the more wait, the more share a
// round trip. Owners take turns: each is charged for its reads.
//
// Threads  any; `run` is the life of one of its threads.
// Limits   a fetch belongs to a call in flight, so there are no more than those; one has at most
//          turn_reads_max reads.
#pragma once

#include <condition_variable>
#include <functional>
#include <vector>

#include "perdure/base/fair_queue.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

struct Fetch {
  std::vector<storage::Read> reads;
  /// Called on a thread of the pool, with the reads and their answers.
  std::function<void(std::vector<storage::Read>, std::vector<storage::ReadAnswer>)> done;
};

class ReadPool {
 public:
  static constexpr std::size_t batch_reads_max = 256;

  /// Reads from `store`, which must outlive it.
  explicit ReadPool(const storage::StoreReader& store) : store_(store) {}

  /// Shape: it has reads.
  void fetch(OwnerKey owner, Fetch fetch);

  /// Carries out what waits until `stop`, and what is left then.
  void run();
  void stop();
  /// What waits is in order. Aborts otherwise.
  void check_invariants() const;

  // ---- in steps, for a simulation: what is taken may be read and delivered later

  struct Batch {
    std::vector<Fetch> fetches;
    std::vector<storage::ReadAnswer> answers;  ///< to all reads in order, once they are read
  };
  [[nodiscard]] Batch take(std::size_t reads_max = batch_reads_max);
  void read(Batch& batch) const;
  static void deliver(Batch batch);

 private:
  [[nodiscard]] Batch take_locked(std::size_t reads_max);

  const storage::StoreReader& store_;
  mutable WatchedMutex mutex_;  // guards the rest
  std::condition_variable_any arrived_;
  FairQueue<Fetch> waiting_;
  bool stopping_ = false;
};

}  // namespace perdure::runtime
