// SPDX-License-Identifier: Apache-2.0
// Bytes read and not yet consumed. Small while a connection is idle, so that ten thousand idle
// connections cost tens of megabytes at most.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace perdure::http {

class ReadBuffer {
 public:
  static constexpr std::size_t idle_bytes = 4 * 1024;

  [[nodiscard]] std::string_view view() const noexcept {
    return {storage_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }

  /// Room for at least `wanted` more bytes behind those held. Moves what is held to the front.
  [[nodiscard]] char* prepare(std::size_t wanted) {
    const auto held = end_ - begin_;
    if (capacity_ - end_ >= wanted) return storage_.get() + end_;
    if (capacity_ < held + wanted) {
      const auto larger = std::max({idle_bytes, capacity_ * 2, held + wanted});
      auto fresh = std::make_unique_for_overwrite<char[]>(larger);
      if (held > 0) std::memcpy(fresh.get(), storage_.get() + begin_, held);
      storage_ = std::move(fresh);
      capacity_ = larger;
    } else if (held > 0) {
      std::memmove(storage_.get(), storage_.get() + begin_, held);
    }
    begin_ = 0;
    end_ = held;
    return storage_.get() + end_;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - end_; }
  void commit(std::size_t count) noexcept { end_ += count; }

  void consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Gives back what a large body made grow, when nothing is held.
  void shrink() noexcept {
    if (!empty() || capacity_ <= 4 * idle_bytes) return;
    storage_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  std::unique_ptr<char[]> storage_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace perdure::http
