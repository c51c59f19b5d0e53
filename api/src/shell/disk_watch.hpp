// SPDX-License-Identifier: Apache-2.0
// DiskWatch: brings writes back in the process when a full disk has room again.
//
// Only a full disk is waited for. After a failed sync nobody knows what the disk holds, and the
// operator decides: the server stays read-only until it is restarted.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "perdure/api/shell/log.hpp"
#include "perdure/runtime/runtime.hpp"
#include "shell/server_hooks.hpp"

namespace perdure::shell {

/// Lifecycle  watches from its construction to its destruction.
class DiskWatch {
 public:
  /// Recovers once `free_bytes_min` are free in `directory`. Borrows all but the path.
  DiskWatch(Runtime& runtime, ServerHooks& hooks, Log& log, std::filesystem::path directory,
            std::uint64_t free_bytes_min);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;

 private:
  void look();

  Runtime& runtime_;
  ServerHooks& hooks_;
  Log& log_;
  const std::filesystem::path directory_;
  const std::uint64_t free_bytes_min_;
  std::mutex mutex_;  // guards stopping_
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace perdure::shell
