// SPDX-License-Identifier: Apache-2.0
// SharedRoom: a bound on items or bytes that owners share without shares of their own.
//
// An owner may take as long as it then holds no more than what is still free. So one owner alone
// fills half of the room, two fill a third each, n of them the n+1st part; and whoever comes next
// always finds room, however greedy the others are (the dynamic thresholds of switches, Choudhury
// and Hahne 1998). Nothing has to be configured for a number of owners. For what one thread or lock
// guards; bytes of clients, which any thread may take, have a MemoryBudget.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "perdure/base/check.hpp"
#include "perdure/base/fair_queue.hpp"

namespace perdure {

/// Threads  none of its own: the user locks.
/// Limits   it remembers owners that hold something, and no others.
class SharedRoom {
 public:
  explicit SharedRoom(std::size_t size) : size_(size) {}

  /// Whether `owner` may take `amount` more.
  [[nodiscard]] bool fits(OwnerKey owner, std::size_t amount) const {
    const auto free = size_ - used_;
    return amount <= free && held(owner) + amount <= free - amount;
  }
  /// False, and nothing is taken, when it does not fit.
  [[nodiscard]] bool take(OwnerKey owner, std::size_t amount) {
    if (!fits(owner, amount)) return false;
    if (amount == 0) return true;
    held_[owner] += amount;
    used_ += amount;
    return true;
  }
  void give_back(OwnerKey owner, std::size_t amount) {
    if (amount == 0) return;
    const auto found = held_.find(owner);
    PERDURE_CHECK(found != held_.end() && found->second >= amount, "more is given than was taken");
    found->second -= amount;
    if (found->second == 0) held_.erase(found);
    used_ -= amount;
  }

  [[nodiscard]] std::size_t held(OwnerKey owner) const {
    const auto found = held_.find(owner);
    return found == held_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() {
    held_.clear();
    used_ = 0;
  }

 private:
  std::size_t size_;
  std::size_t used_ = 0;
  std::unordered_map<OwnerKey, std::size_t> held_;
};

}  // namespace perdure
