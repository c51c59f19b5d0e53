// SPDX-License-Identifier: Apache-2.0
#include "shell/disk_watch.hpp"

#include <chrono>
#include <system_error>

namespace perdure::shell {

namespace {
constexpr auto look_every = std::chrono::seconds{1};
}  // namespace

DiskWatch::DiskWatch(Runtime& runtime, ServerHooks& hooks, Log& log,
                     std::filesystem::path directory, std::uint64_t free_bytes_min)
    : runtime_(runtime),
      hooks_(hooks),
      log_(log),
      directory_(std::move(directory)),
      free_bytes_min_(free_bytes_min),
      thread_([this] {
        std::unique_lock lock{mutex_};
        while (!stop_.wait_for(lock, look_every, [this] { return stopping_; })) {
          lock.unlock();
          look();
          lock.lock();
        }
      }) {}

DiskWatch::~DiskWatch() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void DiskWatch::look() {
  if (!hooks_.disk_was_full() || runtime_.writable()) return;
  std::error_code failed;
  const auto space = std::filesystem::space(directory_, failed);
  if (failed || space.available < free_bytes_min_) return;
  if (auto recovered = runtime_.recover(); !recovered) {
    log_.write(LogLevel::error,
               {.logger = "server",
                .message = "the disk has room again, but the data directory cannot be reopened; "
                           "it is tried again",
                .fields = {{"cause", to_string(recovered.error())}}});
    return;
  }
  log_.write(
      LogLevel::warning,
      {.logger = "server", .message = "the disk has room again: writes go on", .fields = {}});
}

}  // namespace perdure::shell
