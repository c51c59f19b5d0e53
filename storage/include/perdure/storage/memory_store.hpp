// SPDX-License-Identifier: Apache-2.0
// The store in memory: for a server whose data may end with its process (memory_factory), and with
// a disk that can fail for simulation and tests.
//
// What is committed lives in a `MemoryDisk` that outlives the store object: dropping the store and
// opening another one on the same disk is a restart; `MemoryDisk::crash` before that loses what
// was not synced.
//
// Limits  the rows of a disk may have a bound of bytes. A unit that would bring them past it is
//         refused as `unavailable`, and nothing else is: the next one that fits is committed, so
//         writes go on as soon as something was erased. The last sixteenth is the reserve for
//         units that end something, and for housekeeping (Room).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdure/storage/store_factory.hpp"

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

/// What a disk in memory is for.
struct MemoryOptions {
  /// Of all rows, keys and what holds them, as an estimate that is a little too high.
  std::size_t bytes_max = no_bound;
  std::string bytes_max_setting = "bytes_max";  ///< what refusals call it
  /// See Store::line and EventRange::history. A process that begins with nothing takes others than
  /// the one before, whose seqs and positions it gives out again.
  std::uint32_t line = 0;
  std::string history = "memory";
  /// Whether the disk keeps what `MemoryDisk::crash` may take back.
  enum class Crashes { simulated, never };
  Crashes crashes = Crashes::simulated;
};

class MemoryDisk {
 public:
  explicit MemoryDisk(MemoryOptions options = {});
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
  /// What the rows take, as MemoryOptions::bytes_max counts it.
  [[nodiscard]] std::size_t bytes() const;
  /// What is counted of bytes and expiries is what the rows have. Aborts otherwise.
  void check_invariants() const;
  /// Makes the disk forget `commits` acknowledged commits, so that opening must refuse.
  void lose_acknowledged(std::uint64_t commits);

  struct State;  ///< private to the memory store's sources

 private:
  friend class MemoryStore;
  std::unique_ptr<State> state_;
};

/// Opens a store on `disk`, which must outlive it. Errors: corrupt.
///
/// A commit applies at once and is durable at once unless a fault is due. A trim applies at once,
/// and is durable with the next commit. To hold a batch between write and sync (a slow disk), a
/// simulation commits later what it took from its committer.
[[nodiscard]] Result<std::unique_ptr<Store>> open_memory(MemoryDisk& disk);
/// The same; the store keeps the disk.
[[nodiscard]] Result<std::unique_ptr<Store>> open_memory(std::shared_ptr<MemoryDisk> disk);

/// Stores of a runtime whose data ends with the process. Its disk is the factory's: what was
/// committed is there when the store is opened again, as long as the factory is.
/// `bytes_max_setting` is the name of the setting that `bytes_max` comes from.
[[nodiscard]] std::shared_ptr<StoreFactory> memory_factory(std::size_t bytes_max,
                                                           std::string bytes_max_setting);

}  // namespace perdure::storage
