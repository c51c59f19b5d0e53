// SPDX-License-Identifier: Apache-2.0
// What an UnreliableDisk knows of its files: what was written, what was synced, under which names.
#pragma once

#include <rocksdb/io_status.h>

#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "unreliable_disk.hpp"

namespace perdure::storage {

/// Something written under a name, which may lose its name and be found under another one.
struct Content {
  std::filesystem::path shadow;  ///< a second name that nobody else knows
  std::uint64_t written_bytes = 0;
  std::uint64_t synced_bytes = 0;
  /// Of a log that was made longer by zeros: how far there is more than zeros, and how far of that
  /// was synced. 0 for other files.
  std::uint64_t recorded_bytes = 0;
  std::uint64_t synced_recorded_bytes = 0;
};
using ContentPtr = std::shared_ptr<Content>;

struct NameChange {
  std::string from;  ///< the name that goes, if any
  std::string to;    ///< the name that comes, if any
  ContentPtr content;
};

/// Threads  any, but for `reboot`.
class UnreliableDisk::State {
 public:
  explicit State(std::filesystem::path directory)
      : directory_(std::move(directory)), shadows_(directory_.string() + ".shadows") {
    std::filesystem::create_directories(shadows_);
    adopt();
  }
  ~State() {
    std::error_code ignored;
    std::filesystem::remove_all(shadows_, ignored);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  enum class Sort { read, change };
  /// Called before each call on the disk: gives the error that it is to have, or success.
  rocksdb::IOStatus begin(Sort sort, const char* what, const std::string& file);
  void set_faults(const DiskFaults& faults);
  DiskFaults faults() const { return locked(faults_); }
  std::uint64_t calls() const { return locked(calls_); }
  std::string struck() const { return locked(struck_); }
  bool power_is_off() const { return locked(power_is_off_); }

  ContentPtr created(const std::string& file);
  void written(Content& content, std::uint64_t size);
  void synced(Content& content, std::uint64_t size);
  void recorded(Content& content, std::uint64_t end);
  void truncated(Content& content, std::uint64_t size);
  void removed(const std::string& file);
  void renamed(const std::string& from, const std::string& to);
  void directory_synced();
  void reboot(std::mt19937_64& random);

 private:
  template <class T>
  T locked(const T& value) const {
    const std::lock_guard lock{mutex_};
    return value;
  }
  void adopt();
  void change(NameChange change);
  ContentPtr shadowed(const std::string& name);
  static void lose_sectors(const Content& log, std::mt19937_64& random);
  static void lose_tail(const Content& content, bool is_log, std::mt19937_64& random);
  void lose_acknowledged_numbers(std::mt19937_64& random) const;

  const std::filesystem::path directory_;
  const std::filesystem::path shadows_;
  mutable std::mutex mutex_;  // protects everything below
  DiskFaults faults_;
  std::uint64_t calls_ = 0;
  std::uint64_t shadow_count_ = 0;
  std::string struck_;
  bool power_is_off_ = false;                  ///< then nothing below changes
  std::map<std::string, ContentPtr> names_;    ///< as programs see them
  std::map<std::string, ContentPtr> durable_;  ///< as they are on the medium
  std::vector<NameChange> unsynced_;           ///< between the two, in order
  std::optional<std::string> acked_before_;    ///< ACKED when RocksDB began
  std::string acked_;                          ///< ACKED when the power was cut
};

}  // namespace perdure::storage
