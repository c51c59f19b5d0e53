// SPDX-License-Identifier: Apache-2.0
#include "http/gzip_pool.hpp"

namespace perdure::http {

bool GzipPool::submit(OwnerKey owner, std::string_view body, Done done) {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_ || body.size() > gzip_waiting_bytes_max - waiting_bytes_) return false;
    if (queue_.push(owner, {body, std::move(done)}) != Queued::yes) return false;
    waiting_bytes_ += body.size();
    if (!thread_.joinable()) thread_ = std::thread{[this] { run(); }};
  }
  changed_.notify_one();
  return true;
}

void GzipPool::run() {
  GzipEncoder encoder;
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    auto taken = queue_.take();
    const auto bytes = taken->item.body.size();
    lock.unlock();
    taken->item.done(encoder.encode(taken->item.body));
    taken->item.done = {};  // it may hold the last of a connection
    lock.lock();
    waiting_bytes_ -= bytes;
    queue_.finish(taken->owner, bytes);
  }
}

void GzipPool::stop() {
  std::thread thread;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    thread.swap(thread_);
  }
  changed_.notify_one();
  if (thread.joinable()) thread.join();
  while (true) {  // dropped outside of the lock: each may hold the last of a connection
    std::unique_lock lock{mutex_};
    const auto dropped = queue_.take();
    lock.unlock();
    if (!dropped) return;
  }
}

}  // namespace perdure::http
