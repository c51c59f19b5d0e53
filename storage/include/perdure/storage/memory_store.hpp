// SPDX-License-Identifier: Apache-2.0
// The store contract in memory, with a disk that can fail: for simulation and tests.
//
// What is committed lives in a `MemoryDisk` that outlives the store object: dropping the store and
// opening another one on the same disk is a restart; `MemoryDisk::crash` before that loses what
// was not synced.
#pragma once

#include <memory>

#include "perdure/storage/store.hpp"

namespace perdure::storage {

/// What the next commits meet. Counts are consumed by commits as they happen.
struct MemoryFaults {
  int commits_until_sync_fails = -1;  ///< -1: never; 0: the next one
  /// Of a failed sync's batch, whether a restart brings it back: the caller cannot know.
  bool failed_batch_survives = false;
  /// Commits fail for want of space, and what was open stays unwritable after it is cleared.
  bool disk_is_full = false;
};

enum class TailAfterCrash {
  kept,  ///< everything written came back, synced or not
  lost,  ///< only what was synced came back
  torn,  ///< the last batch written but not synced came back damaged, so dropped whole
};

class MemoryDisk {
 public:
  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  MemoryFaults faults = {};
  /// The machine stops: every store on this disk becomes unusable, and the tail is treated so.
  void crash(TailAfterCrash tail);
  /// Makes the disk forget `commits` acknowledged commits, so that opening must refuse.
  void lose_acknowledged(std::uint64_t commits);

  struct State;  ///< private to the memory store's sources

 private:
  friend class MemoryStore;
  std::unique_ptr<State> state_;
};

/// Opens a store on `disk`, which must outlive it. Errors: corrupt, as open_rocksdb.
///
/// A commit applies at once and is durable at once unless a fault is due. To hold a batch
/// between write and sync (a slow disk), the simulation steps its committer later.
[[nodiscard]] Result<std::unique_ptr<Store>> open_memory(MemoryDisk& disk);

}  // namespace perdure::storage
