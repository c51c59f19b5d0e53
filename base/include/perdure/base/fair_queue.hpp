// SPDX-License-Identifier: Apache-2.0
// FairQueue: work of many owners in one queue, in which the owners take turns.
//
// Each owner has been charged for what it was served: nanoseconds, bytes or items, as the user of
// the queue likes. The next item is the oldest of the owner with the fewest items running, and of
// several such owners of the one that was charged least. So an owner with one item waits for what
// is running and for nothing else, however much another one has queued.
//
// Resting earns nothing: an owner that comes back starts level with the one that was served last.
// An owner that was charged more than that is remembered until the others have caught up.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "perdure/base/check.hpp"

namespace perdure {

/// Whose turn it is: a hash of the owner's name. Two names with one hash share their turns.
using OwnerKey = std::uint64_t;

[[nodiscard]] inline OwnerKey owner_key(std::string_view name) {
  return std::hash<std::string_view>{}(name);
}

struct FairLimits {
  static constexpr auto none = std::numeric_limits<std::size_t>::max();
  std::size_t waiting_max = none;        ///< items of all owners
  std::size_t owner_waiting_max = none;  ///< items of one owner
  std::size_t owner_running_max = none;  ///< items of one owner that are taken and not finished
  /// Items of all owners that are taken and not finished. With this bound an owner takes no more of
  /// them than are left free, so that the next owner always finds a place.
  std::size_t running_max = none;
};

enum class Queued { yes, owner_full, full };

/// Threads  none of its own: the user locks.
/// Limits   FairLimits; and it remembers at most `resting_max` owners that have no work.
template <class Item>
class FairQueue {
 public:
  static constexpr std::size_t resting_max = 4096;

  explicit FairQueue(FairLimits limits = {}) : limits_(limits) {}

  /// `item` is moved from only if it was queued.
  [[nodiscard]] Queued push(OwnerKey owner, Item&& item) {
    if (waiting_ >= limits_.waiting_max) return Queued::full;
    if (waiting(owner) >= limits_.owner_waiting_max) return Queued::owner_full;
    auto& line = lines_[owner];
    const bool begins = line.empty();
    if (begins && line.running == 0) {
      resting_.erase({line.charged, owner});
      line.charged = std::max(line.charged, level_);
    }
    line.items.push_back(std::move(item));
    ++waiting_;
    if (begins) enter(owner, line);
    return Queued::yes;
  }

  struct Taken {
    OwnerKey owner;
    Item item;
  };

  /// The next item; `finish` must be called for it. Nothing when nothing waits, or when all owners
  /// that wait have as many items running as they may: fewer than `running_below`, too.
  [[nodiscard]] std::optional<Taken> take(std::size_t running_below = FairLimits::none) {
    if (order_.empty()) return {};
    // The first one has the fewest running: if it has no place, nobody has.
    const auto running = order_.begin()->running;
    if (running >= running_below || !has_place(running)) return {};
    const auto owner = order_.begin()->owner;
    auto& line = lines_.at(owner);
    leave(owner, line);
    level_ = std::max(level_, line.charged);
    Taken taken{owner, line.pop()};
    ++line.running;
    ++running_;
    --waiting_;
    if (!line.empty()) enter(owner, line);
    forget_the_level();
    return taken;
  }

  /// An item of `owner` that was taken has been served, for `cost`.
  void finish(OwnerKey owner, std::uint64_t cost) {
    const auto found = lines_.find(owner);
    PERDURE_CHECK(found != lines_.end() && found->second.running > 0,
                  "nothing of the owner was taken");
    auto& line = found->second;
    leave(owner, line);
    line.charged += cost;
    --line.running;
    --running_;
    if (!line.empty()) return enter(owner, line);
    if (line.running > 0) return;
    if (line.charged <= level_) {
      lines_.erase(found);
    } else {
      resting_.emplace(line.charged, owner);
      if (resting_.size() > resting_max) level_ = resting_.begin()->first;
      forget_the_level();
    }
  }

  /// Other bounds on what runs: they hold for the next items.
  void set_running_max(std::size_t all, std::size_t of_owner) {
    limits_.running_max = all;
    limits_.owner_running_max = of_owner;
    order_.clear();
    for (const auto& [owner, line] : lines_) {
      if (!line.empty() && may_run(line)) order_.insert(place_of(owner, line));
    }
  }

  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t waiting(OwnerKey owner) const {
    const auto found = lines_.find(owner);
    return found == lines_.end() ? 0 : found->second.size();
  }
  [[nodiscard]] bool empty() const { return waiting_ == 0; }
  /// Owners that wait and may run.
  [[nodiscard]] std::size_t owners_in_line() const { return order_.size(); }
  /// Items that are taken and not finished.
  [[nodiscard]] std::size_t running() const { return running_; }
  /// Owners that are remembered, with work or without.
  [[nodiscard]] std::size_t owners() const { return lines_.size(); }

  /// Counts and orders agree. Aborts otherwise.
  void check_invariants() const {
    std::size_t waiting = 0;
    std::size_t running = 0;
    for (const auto& [owner, line] : lines_) {
      waiting += line.size();
      running += line.running;
      const bool ordered = order_.contains(place_of(owner, line));
      PERDURE_CHECK(ordered == (!line.empty() && may_run(line)), "an owner is out of order");
      const bool rests = line.empty() && line.running == 0;
      PERDURE_CHECK(rests == resting_.contains({line.charged, owner}),
                    "an owner without work is lost");
    }
    PERDURE_CHECK(waiting == waiting_, "the count of waiting items is off");
    PERDURE_CHECK(running == running_, "the count of running items is off");
  }

 private:
  /// The items of one owner, oldest first.
  struct Line {
    std::vector<Item> items;  // those before `first` are gone
    std::size_t first = 0;
    std::size_t running = 0;
    std::uint64_t charged = 0;
    std::uint64_t entered = 0;

    [[nodiscard]] std::size_t size() const { return items.size() - first; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    Item pop() {
      Item item = std::move(items[first++]);
      if (first == items.size()) {
        items.clear();
        first = 0;
      } else if (first >= 32 && first * 2 >= items.size()) {
        items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(first));
        first = 0;
      }
      return item;
    }
  };
  struct Place {
    std::size_t running;
    std::uint64_t charged;
    std::uint64_t entered;
    OwnerKey owner;
    auto operator<=>(const Place&) const = default;
  };

  static Place place_of(OwnerKey owner, const Line& line) {
    return {line.running, line.charged, line.entered, owner};
  }
  [[nodiscard]] bool may_run(const Line& line) const {
    return line.running < limits_.owner_running_max;
  }
  [[nodiscard]] bool has_place(std::size_t running) const {
    if (limits_.running_max == FairLimits::none) return true;
    return running_ < limits_.running_max && running < limits_.running_max - running_;
  }
  void enter(OwnerKey owner, Line& line) {
    line.entered = ++entered_;
    if (may_run(line)) order_.insert(place_of(owner, line));
  }
  void leave(OwnerKey owner, const Line& line) { order_.erase(place_of(owner, line)); }

  /// Owners whose rest has brought them level have no history any more.
  void forget_the_level() {
    while (!resting_.empty() && resting_.begin()->first <= level_) {
      lines_.erase(resting_.begin()->second);
      resting_.erase(resting_.begin());
    }
  }

  FairLimits limits_;
  std::unordered_map<OwnerKey, Line> lines_;
  std::set<Place> order_;  ///< owners that wait and may run, the next one first
  std::set<std::pair<std::uint64_t, OwnerKey>> resting_;  ///< owners without work, by their charge
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  std::uint64_t level_ = 0;  ///< the charge of the owner that was served last
  std::uint64_t entered_ = 0;
};

}  // namespace perdure
