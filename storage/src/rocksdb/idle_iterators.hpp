// SPDX-License-Identifier: Apache-2.0
// IdleIterators: iterators over the records, kept from lookup to lookup.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace perdure::storage {

/// Making an iterator and taking it apart costs 7 us, refreshing one that is up to date nearly
/// nothing.
///
/// An idle one keeps the memtables and files alive that it was made upon. So all of them are out of
/// date when RocksDB has made new files, and `let_go` destroys those: it is called with each
/// commit, and without commits no files are made for long.
///
/// Threads   any.
/// Lifetime  `close` comes before the database's end.
class IdleIterators {
 public:
  /// An iterator and when it was made.
  struct Lookup {
    std::unique_ptr<rocksdb::Iterator> rows;
    std::uint64_t made = 0;
  };

  /// One that shows the present, or none.
  [[nodiscard]] Lookup take();
  void give_back(Lookup lookup);
  /// From now on all that exist are out of date. Says when the next one is made.
  std::uint64_t outdate() { return ++present_; }
  [[nodiscard]] std::uint64_t present() const { return present_.load(std::memory_order_acquire); }
  void let_go();
  /// Nothing is kept any more.
  void close();

 private:
  static constexpr std::size_t kept_max = 4;
  std::atomic<std::uint64_t> present_{1};
  std::atomic<std::uint64_t> looked_at_{1};  ///< `present_` when `let_go` was called last
  std::mutex mutex_;                         // guards the rest
  std::vector<Lookup> idle_;
  bool closed_ = false;
};

/// Tells them of new files.
[[nodiscard]] std::shared_ptr<rocksdb::EventListener> outdating(
    const std::shared_ptr<IdleIterators>& iterators);

}  // namespace perdure::storage
