// SPDX-License-Identifier: Apache-2.0
// A disk for one RocksDB directory that keeps only what it was asked to keep: bytes that were not
// synced, and names whose directory was not synced, may be gone after a power cut. It can also
// fail single calls.
//
// The files are real ones, so that a store reads what it wrote; syncs are only written down, which
// makes hundreds of power cuts a matter of seconds. What the store writes beside RocksDB (ACKED)
// does not pass through here: `reboot` puts back older slots of it as a machine might.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

namespace perdure::storage {

/// What becomes of calls on an UnreliableDisk. Set it while no store is open, or accept that calls
/// which have begun are past it.
struct DiskFaults {
  enum class Strike {
    fail_once,  ///< that call fails; what comes after works
    fail_on,    ///< that call and all later ones of its sort (reads, or changes) fail
    cut_power,  ///< that call and everything after it leaves no trace; see `reboot`
  };
  std::uint64_t strike_at = 0;  ///< the number of a call, from 1; 0: never
  Strike strike = Strike::fail_once;
  bool count_reads = true;  ///< without, only calls that change something are counted

  bool syncs_fail = false;               ///< of the write-ahead log
  bool syncs_fail_for_space = false;     ///< of the write-ahead log
  bool disk_is_full = false;             ///< for the write-ahead log
  bool ignores_file_syncs = false;       ///< reports success and syncs nothing
  bool ignores_directory_syncs = false;  ///< reports success and syncs nothing
};

/// Threads  any, but for `reboot`, which needs every store closed.
class UnreliableDisk {
 public:
  /// What is in `directory` counts as synced. Keeps a directory of its own beside it.
  explicit UnreliableDisk(const std::filesystem::path& directory);
  ~UnreliableDisk();
  UnreliableDisk(const UnreliableDisk&) = delete;
  UnreliableDisk& operator=(const UnreliableDisk&) = delete;

  /// For open_rocksdb_in.
  [[nodiscard]] rocksdb::Env* env() const { return env_.get(); }

  /// Replaces the faults, and begins to count calls from 1 again.
  void set_faults(const DiskFaults& faults);
  /// The calls counted since `set_faults`.
  [[nodiscard]] std::uint64_t calls() const;
  /// Which call was struck, such as `sync 000012.log`; empty when none was.
  [[nodiscard]] std::string struck() const;
  /// Whether the power was cut. What programs hear from then on means nothing: calls succeed, so
  /// that a program ends in order, but no machine is left to tell anybody.
  [[nodiscard]] bool power_is_off() const;

  /// The disk as it was when the power was cut (or is now). Of what was not synced then a part is
  /// there, chosen by `random`: a part of each file's tail (of logs also with zeros or nonsense at
  /// its end), and a part of the changes of names: the first ones, or any. Clears the faults.
  void reboot(std::mt19937_64& random);

  class State;

 private:
  std::shared_ptr<State> state_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace perdure::storage
