// SPDX-License-Identifier: Apache-2.0
// FrozenNames: the end of all changes of names in a data directory that is another one by now.
//
// RocksDB reaches the directory by its descriptor (DirectoryLock::root), and so never what was put
// in place of a directory that was moved or removed. But an older copy can also be laid over the
// files within the directory. RocksDB would take those that it does not know for left-overs, and
// delete them at the latest when it is closed.
#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <memory>

namespace perdure::storage {

/// Threads  any.
class FrozenNames {
 public:
  /// From now on no file is made, renamed, cut or deleted by its name; calls that would do so fail
  /// with PathNotFound. Files that are open stay so.
  void begin() noexcept { begun_.store(true, std::memory_order_release); }
  [[nodiscard]] bool have_begun() const noexcept { return begun_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> begun_{false};
};

/// `base`, which changes no names any more once they are frozen. Lifetime: `base` must outlive it,
/// and it every database upon it.
[[nodiscard]] std::unique_ptr<rocksdb::Env> heed_frozen_names(
    rocksdb::Env* base, std::shared_ptr<const FrozenNames> frozen);

}  // namespace perdure::storage
