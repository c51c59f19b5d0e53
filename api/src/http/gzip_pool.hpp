// SPDX-License-Identifier: Apache-2.0
// Where large bodies are compressed: a thread of its own, so that no io thread is held.
//
// Owners (clients' addresses) take turns, charged by bytes. When more waits than the bounds let, a
// body is sent as it is: it costs the network, and nobody's time.
//
// Lifecycle  its thread starts with the first body; `stop`, or the destructor, ends it.
// Threads    any.
// Limits     gzip_waiting_max bodies, gzip_owner_waiting_max of one owner, and
//            gzip_waiting_bytes_max in all.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "http/compression.hpp"
#include "perdure/base/fair_queue.hpp"

namespace perdure::http {

/// Up to this size a body takes an io thread 0.3 ms or less at level 1 (100 MB/s): a way to another
/// thread and back would not pay.
inline constexpr std::size_t gzip_inline_bytes_max = std::size_t{32} * 1024;

inline constexpr std::size_t gzip_waiting_max = 64;
inline constexpr std::size_t gzip_owner_waiting_max = 16;
/// A body of more than this is never compressed: it would keep the thread for 40 ms.
inline constexpr std::size_t gzip_waiting_bytes_max = std::size_t{4} * 1024 * 1024;

class GzipPool {
 public:
  /// Runs on the pool's thread, once; not at all if the pool is stopped before.
  using Done = std::function<void(std::string&& compressed)>;

  GzipPool() = default;
  ~GzipPool() { stop(); }
  GzipPool(const GzipPool&) = delete;
  GzipPool& operator=(const GzipPool&) = delete;

  /// False when there is no room for it.
  /// Lifetime  `body` is borrowed until `done` is called or dropped.
  [[nodiscard]] bool submit(OwnerKey owner, std::string_view body, Done done);
  void stop();

 private:
  struct Job {
    std::string_view body;
    Done done;
  };

  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  FairQueue<Job> queue_{
      {.waiting_max = gzip_waiting_max, .owner_waiting_max = gzip_owner_waiting_max}};
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace perdure::http
