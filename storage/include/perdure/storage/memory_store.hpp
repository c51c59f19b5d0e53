// SPDX-License-Identifier: Apache-2.0
// The store contract in memory, with a disk that can fail: for simulation and tests.
//
// What is committed lives in a `MemoryDisk` that outlives the store object: dropping the store and
// opening another one on the same disk is a restart; `MemoryDisk::crash` before that loses what
// was not synced.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "perdure/storage/store.hpp"

namespace perdure::storage {

/// What the next commits meet. Counts are consumed by commits as they happen.
struct MemoryFaults {
  int commits_until_sync_fails = -1;  ///< -1: never; 0: the next one
  /// Of a failed sync's batch, whether a restart brings it back: the caller cannot know.
  bool failed_batch_survives = false;
  /// Commits fail for want of space, and what was open stays unwritable after it is cleared.
  bool disk_is_full = false;
  /// -1: never; 0: the next call of the store fails for an I/O error, whatever it is: a read or a
  /// trim is `unavailable`, a commit's sync fails.
  int calls_until_error = -1;
};

enum class TailAfterCrash {
  kept,  ///< everything written came back, synced or not
  lost,  ///< only what was synced came back
  torn,  ///< the last write that was not synced came back damaged, so dropped whole
  /// Any of what was not synced came back, whatever came before it: `dice` picks.
  mixed,
};

class MemoryDisk {
 public:
  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  MemoryFaults faults = {};
  /// The machine stops: every store on this disk becomes unusable, and the tail is treated so. Not
  /// synced are a batch that failed or was cut off, and trims since the last commit.
  void crash(TailAfterCrash tail, std::uint64_t dice = 0);
  /// A batch was written, but not synced when the machine stops: `crash`, which must follow, says
  /// what becomes of it. No caller hears of its outcome.
  void cut_off(std::vector<Unit> units, Timestamp now);
  /// All objects that have rows, in order; for checks.
  [[nodiscard]] std::vector<ObjectId> objects() const;
  /// Makes the disk forget `commits` acknowledged commits, so that opening must refuse.
  void lose_acknowledged(std::uint64_t commits);

  struct State;  ///< private to the memory store's sources

 private:
  friend class MemoryStore;
  std::unique_ptr<State> state_;
};

/// Opens a store on `disk`, which must outlive it. Errors: corrupt, as open_rocksdb.
///
/// A commit applies at once and is durable at once unless a fault is due. A trim applies at once,
/// and is durable with the next commit. To hold a batch between write and sync (a slow disk), a
/// simulation commits later what it took from its committer.
[[nodiscard]] Result<std::unique_ptr<Store>> open_memory(MemoryDisk& disk);

}  // namespace perdure::storage
