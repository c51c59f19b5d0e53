// SPDX-License-Identifier: Apache-2.0
// PacedTurns: a queue in which owners take turns, each with so many turns a second at most.
//
// A turn that its owner has no room for in this second rests, in order, and enters the queue when
// there is. Whoever does its work in larger portions when it comes less often loses nothing by it.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "perdure/base/fair_queue.hpp"
#include "rate.hpp"

namespace perdure::runtime {

/// Threads  none of its own: the user locks. Times are monotonic.
/// Limits   one item of a name should be here at a time; the user sees to it.
class PacedTurns {
 public:
  enum class Pace { of_owner, none };

  PacedTurns(FairLimits limits, Rate owner_rate) : queue_(limits), rate_(owner_rate) {}

  void push(OwnerKey key, std::string&& item, Microseconds now, Pace pace) {
    if (pace == Pace::none) return enter(key, std::move(item));
    auto& owner = owners_[key];
    if (owner.resting.empty() && owner.meter.ready_at(rate_) <= now) {
      owner.meter.take(rate_, now);
      enter(key, std::move(item));
    } else {
      owner.resting.push_back(std::move(item));
      if (owner.resting.size() == 1) order_.emplace(owner.meter.ready_at(rate_), key);
    }
    forget_rested(now);
  }

  /// Lets those into the queue whose time has come.
  void advance(Microseconds now) {
    while (!order_.empty() && order_.begin()->first <= now) {
      const auto key = order_.begin()->second;
      order_.erase(order_.begin());
      auto& owner = owners_.at(key);
      owner.meter.take(rate_, now);
      enter(key, std::move(owner.resting.front()));
      owner.resting.pop_front();
      if (!owner.resting.empty()) order_.emplace(owner.meter.ready_at(rate_), key);
    }
  }

  /// When the first that rests may enter.
  [[nodiscard]] std::optional<Microseconds> next() const {
    if (order_.empty()) return {};
    return order_.begin()->first;
  }

  using Taken = FairQueue<std::string>::Taken;
  /// The next turn; `finish` must be called for it.
  [[nodiscard]] std::optional<Taken> take() { return queue_.take(); }
  void finish(OwnerKey owner, std::uint64_t cost) { queue_.finish(owner, cost); }
  /// Turns in the queue, without those that rest.
  [[nodiscard]] std::size_t waiting() const { return queue_.waiting(); }

  /// Orders agree. Aborts otherwise.
  void check_invariants() const {
    queue_.check_invariants();
    std::size_t resting = 0;
    for (const auto& [key, owner] : owners_) {
      if (owner.resting.empty()) continue;
      ++resting;
      PERDURE_CHECK(order_.contains({owner.meter.ready_at(rate_), key}), "turns rest for ever");
    }
    PERDURE_CHECK(resting == order_.size(), "an owner without turns is awaited");
  }

 private:
  struct Owner {
    RateMeter meter;
    std::deque<std::string> resting;
  };
  /// Owners that are remembered before those are looked for that have rested for long enough.
  static constexpr std::size_t owners_min = 4'096;

  void enter(OwnerKey key, std::string&& item) {
    // Those that rest have no bound either: what is here is the user's to bound.
    static_cast<void>(queue_.push(key, std::move(item)));
  }
  void forget_rested(Microseconds now) {
    if (owners_.size() < forget_at_) return;
    std::erase_if(owners_, [now](const auto& entry) {
      return entry.second.resting.empty() && entry.second.meter.rested_at() <= now;
    });
    forget_at_ = std::max(owners_min, 2 * owners_.size());
  }

  FairQueue<std::string> queue_;
  Rate rate_;
  std::unordered_map<OwnerKey, Owner> owners_;
  std::set<std::pair<Microseconds, OwnerKey>> order_;  ///< owners with turns that rest
  std::size_t forget_at_ = owners_min;
};

}  // namespace perdure::runtime
