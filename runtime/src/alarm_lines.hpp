// SPDX-License-Identifier: Apache-2.0
// AlarmLines: alarms that are due and wait until their object and their owner may fire another.
//
// Each object has a line, in order of due time, and a rate; so has each owner over its objects. An
// owner is in the queue when one of its alarms may go, with one place however many wait: what is
// fired next is decided, and counted, when its turn comes. So an owner with one alarm waits for
// what is running and for nothing else.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "perdure/base/fair_queue.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/storage/store.hpp"
#include "rate.hpp"

namespace perdure::runtime {

/// Threads  one.
/// Limits   an owner has at most `owner_waiting_max` alarms here, and fewer as all owners together
///          approach `waiting_max`, but `owner_waiting_min` always.
class AlarmLines {
 public:
  static constexpr std::size_t waiting_max = 65'536;
  static constexpr std::size_t owner_waiting_max = 1'024;
  static constexpr std::size_t owner_waiting_min = 16;
  /// Of one owner at the same time: the others find an object's worker and a place, too.
  static constexpr std::size_t owner_running_max = 128;

  explicit AlarmLines(const AlarmLimits& limits);

  /// How many alarms the owner may have here now.
  [[nodiscard]] std::size_t room(OwnerKey owner) const;
  [[nodiscard]] std::size_t waiting(OwnerKey owner) const;
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] bool contains(OwnerKey owner, const storage::AlarmPlace& alarm) const;
  void add(OwnerKey owner, const storage::AlarmPlace& alarm, Microseconds now);

  struct Taken {
    OwnerKey owner;
    storage::AlarmPlace alarm;
  };
  /// The next alarm that may fire. It runs until `finish` is called for its owner.
  [[nodiscard]] std::optional<Taken> take(Microseconds now);
  void finish(OwnerKey owner);
  /// When `take` may have something, if nothing runs any more.
  [[nodiscard]] std::optional<Microseconds> next() const;

  /// Forgets what waits. What runs, and what was used of the rates, stays.
  void clear();
  /// Counts and orders agree. Aborts otherwise.
  void check_invariants() const;

 private:
  struct Line {
    std::set<std::pair<Timestamp, std::string>> waiting;
    RateMeter meter;
    Microseconds ready{0};   ///< when the first that waits may go, as far as the object goes
    Microseconds rested{0};  ///< its place in `resting_`, while nothing waits
  };
  struct Owner {
    std::unordered_map<ObjectId, Line> lines;
    std::set<std::pair<Microseconds, ObjectId>> order;  ///< lines that are not empty, by `ready`
    RateMeter meter;
    std::size_t waiting = 0;
    bool queued = false;    ///< in `queue_`; else, while something waits, in `order_`
    Microseconds ready{0};  ///< its place in `order_`
  };
  struct Turn {};
  struct Rest {
    Microseconds until;
    OwnerKey owner;
    ObjectId object;
    auto operator<=>(const Rest&) const = default;
  };

  void enter(Owner& owner, const ObjectId& object, Line& line, Microseconds now);
  void enter(OwnerKey key, Owner& owner);
  void leave(OwnerKey key, Owner& owner);
  /// Whether the owner that comes next in `queue_` has something that may go; else it leaves.
  [[nodiscard]] bool may_go(OwnerKey key, Microseconds now);
  [[nodiscard]] storage::AlarmPlace take_first(OwnerKey key, Owner& owner, Microseconds now);
  void rest(OwnerKey key, const Owner& owner, const ObjectId& object, Line& line);
  void forget_rested(Microseconds now);

  const Rate object_rate_;
  const Rate owner_rate_;
  std::unordered_map<OwnerKey, Owner> owners_;
  std::set<std::pair<Microseconds, OwnerKey>> order_;  ///< owners whose time has yet to come
  FairQueue<Turn> queue_{{.owner_running_max = owner_running_max}};
  /// Lines that are empty, by when they may be forgotten: what fired within about a second.
  std::set<Rest> resting_;
  std::size_t waiting_ = 0;
};

}  // namespace perdure::runtime
