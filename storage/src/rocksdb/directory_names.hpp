// SPDX-License-Identifier: Apache-2.0
// DirectoryNames: what RocksDB does with the names in a data directory, while it is the one that
// was opened, and the end of it once it is another one.
//
// RocksDB reaches the directory by its descriptor (DirectoryLock::root), and so never what was put
// in place of a directory that was moved or removed. But an older copy can also be laid over the
// files within the directory. RocksDB would take those that it does not know for left-overs, and
// delete them at the latest when it is closed.
#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::storage {

/// Threads  any.
class DirectoryNames {
 public:
  /// From now on no file is made, renamed, cut or deleted by its name; calls that would do so fail
  /// with PathNotFound. Files that are open stay so.
  void freeze() noexcept { frozen_.store(true, std::memory_order_release); }
  [[nodiscard]] bool are_frozen() const noexcept { return frozen_.load(std::memory_order_acquire); }

  /// The log and the manifest that are being written: without them nothing can be opened again.
  [[nodiscard]] std::vector<std::string> written() const;
  [[nodiscard]] bool is_written(std::string_view name) const;

  void made(const std::string& path);
  /// To be told before the file goes.
  void deleted(const std::string& path);

 private:
  std::atomic<bool> frozen_{false};
  mutable std::mutex mutex_;  // guards the rest
  std::string log_;
  std::string manifest_;
};

/// `base`, as `names` has it. Lifetime: `base` must outlive it, and it every database upon it.
[[nodiscard]] std::unique_ptr<rocksdb::Env> watch_names(rocksdb::Env* base,
                                                        std::shared_ptr<DirectoryNames> names);

}  // namespace perdure::storage
