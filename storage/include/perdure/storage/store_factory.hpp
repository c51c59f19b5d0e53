// SPDX-License-Identifier: Apache-2.0
// StoreFactory: where a runtime's store comes from. A runtime knows no more of a store than this
// page and the contract (store.hpp): another store is one class of each, and no change elsewhere.
//
// A factory holds what its kind of store has to be told: a directory and caches, a bound of bytes,
// an address. What every store is told comes with each opening (StoreRequest).
//
// Threads   any; `open` by one at a time.
// Lifetime  its stores may outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/storage/store.hpp"

namespace perdure::storage {

enum class Durability {
  sync,      ///< a commit is reported when it survives a loss of power
  buffered,  ///< when it survives a crash of the process
};

enum class LostCommits {
  refuse,  ///< fewer commits than were acknowledged came back: refuse to open
  accept,  ///< an operator decided to go on without them
};

enum class OpenMode {
  read_write,
  read_only,  ///< writes nothing: no epoch is raised, and commits are refused
};

/// How a store is to be opened, and whom it tells what.
struct StoreRequest {
  OpenMode mode = OpenMode::read_write;
  Durability durability = Durability::sync;
  LostCommits lost_commits = LostCommits::refuse;
  /// Called once when a write or sync failed and writes have stopped; any thread.
  std::function<void(const Error&)> on_write_failure = {};
  /// Called once when rows turn out to be damaged while nobody reads them. Reads and writes of all
  /// that is sound go on; any thread. A store that is opened read-only says so of each thing that
  /// it finds lost or damaged while it is opened, and shows the rest.
  std::function<void(const Error&)> on_damage = {};
  /// Called while opening when the store goes on in another line of history (Store::line).
  std::function<void(const Error&)> on_new_line = {};
};

/// What a check found, one line a finding; empty when all is well.
struct CheckReport {
  std::uint64_t objects = 0;
  std::uint64_t records = 0;
  std::uint64_t entries = 0;
  std::vector<std::string> findings = {};
};

/// Called for each record of each object in ascending seq order, with the previous record's row
/// when it was kept. Returns a finding, or an empty string.
using RecordCheck = std::function<std::string(const ObjectId&, const RecordRow& row,
                                              const std::optional<RecordRow>& previous)>;
/// Called about every 1,000 rows with the share done (0 to 1).
using CheckProgress = std::function<void(double share)>;

/// How long what a store was given is there.
enum class Keeps {
  for_good,     ///< until it is erased
  for_process,  ///< until the process ends, however it ends
};

class StoreFactory {
 public:
  virtual ~StoreFactory() = default;

  /// The kind of store, for logs and health: `rocksdb`, `memory`.
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual Keeps keeps() const { return Keeps::for_good; }

  /// Opens the store, makes it if there is none, and raises its epoch (durably). Read-only it
  /// neither makes it nor leaves a trace in it, and is content with what can be read. What an
  /// earlier store of this factory was given is there; that one must be gone.
  ///
  /// Errors  conflict       another process has it; `detail` names its pid.
  ///         newer_version  it was written by a newer format.
  ///         corrupt        fewer commits came back than were acknowledged, or something is lost or
  ///                        fails its checks; `detail` says which and what to do.
  ///         unavailable    it cannot be made, reached, read or written.
  [[nodiscard]] virtual Result<std::unique_ptr<Store>> open(StoreRequest request) = 0;

  /// Whether a store whose writes stopped for want of space has space enough to be opened again,
  /// and to go on for a while. Asked before it is closed.
  [[nodiscard]] virtual bool has_room() const { return true; }

  /// Verifies what a stopped store has kept, without writing to it: checksums, the shape of rows,
  /// that seqs are dense above the floor, that each index row points at an object, and
  /// `record_check`. What is lost is a finding; the rest is looked at.
  /// Errors: as open; invalid where nothing outlives the process.
  [[nodiscard]] virtual Result<CheckReport> check(const RecordCheck& record_check,
                                                  const CheckProgress& progress) const = 0;
};

}  // namespace perdure::storage
