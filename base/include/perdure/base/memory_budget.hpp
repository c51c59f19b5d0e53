// SPDX-License-Identifier: Apache-2.0
// MemoryBudget: how many bytes clients make the server hold, of each owner and of all together.
//
// Whoever is about to keep bytes for a client takes a Hold and grows it first. A Hold that would
// pass the owner's share or the whole budget does not grow, and its user refuses the client: with
// 429 where the owner has its share, with 503 where everybody together has the budget. Bytes are
// counted where buffers grow, so small and short-lived ones are left out; each user of a budget
// states from where on it counts.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "perdure/base/check.hpp"
#include "perdure/base/error.hpp"
#include "perdure/base/fair_queue.hpp"

namespace perdure {

class MemoryBudget;

/// Whether bytes may be kept, or whose bound is in the way.
enum class Fit { yes, past_share, past_budget };

/// Bytes that are kept for one owner; given back at the end of its life. One without a budget
/// grants everything.
///
/// Threads  one at a time; Holds of one budget on any.
class Hold {
 public:
  Hold() = default;
  /// `budget` outlives the Hold.
  Hold(MemoryBudget& budget, OwnerKey owner) : budget_(&budget), owner_(owner) {}
  Hold(Hold&& other) noexcept
      : budget_(other.budget_), owner_(other.owner_), bytes_(std::exchange(other.bytes_, 0)) {}
  Hold& operator=(Hold&& other) noexcept;
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { release(); }

  /// Holds `bytes` in place of what it held. Less is always granted.
  [[nodiscard]] Fit resize(std::size_t bytes);
  void release() noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// A buffer that it counts has so many bytes. Aborts a debug build when it holds fewer.
  void check_covers([[maybe_unused]] std::size_t bytes) const {
#ifndef NDEBUG
    PERDURE_CHECK(budget_ == nullptr || bytes <= bytes_,
                  "a buffer of " + std::to_string(bytes) + " bytes has grown past the " +
                      std::to_string(bytes_) + " that are held for it");
#endif
  }

 private:
  MemoryBudget* budget_ = nullptr;
  OwnerKey owner_ = 0;
  std::size_t bytes_ = 0;
};

/// Threads  any.
class MemoryBudget {
 public:
  struct Limits {
    std::size_t all_bytes_max = FairLimits::none;
    std::size_t owner_bytes_max = FairLimits::none;
  };
  MemoryBudget() = default;
  explicit MemoryBudget(Limits limits) : limits_(limits) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return all_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes(OwnerKey owner) const;
  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  /// Whether so many bytes more would be granted now.
  [[nodiscard]] Fit fit_of(OwnerKey owner, std::size_t bytes) const;

 private:
  friend class Hold;

  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<OwnerKey, std::size_t> owners;  ///< those that hold something
  };

  [[nodiscard]] Fit grow(OwnerKey owner, std::size_t bytes);
  void shrink(OwnerKey owner, std::size_t bytes) noexcept;
  Shard& shard_of(OwnerKey owner) const { return shards_[owner % shards_.size()]; }

  const Limits limits_{};
  std::atomic<std::size_t> all_{0};
  mutable std::array<Shard, 16> shards_;
};

/// What the client is told whose bytes were not granted. `fit` is not `yes`.
[[nodiscard]] Error error_of(Fit fit);

}  // namespace perdure
