// SPDX-License-Identifier: Apache-2.0
// PerformerLine: the effects that wait for one performer. Owners take turns; of one owner's
// effects the one with the highest priority goes first, then the oldest.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "perdure/base/fair_queue.hpp"
#include "perdure/runtime/outbox.hpp"

namespace perdure::runtime {

/// Threads  none of its own: the pump locks.
class PerformerLine {
 public:
  struct Waiting {
    int priority;
    std::uint64_t position;
    bool operator<(const Waiting& other) const {
      return priority != other.priority ? priority > other.priority : position < other.position;
    }
  };

  /// From now on effects begin. What waits or runs already counts.
  void open(Performer perform, Concurrency concurrency) {
    perform_ = std::move(perform);
    concurrency_ = concurrency;
    turns_.set_running_max(shared_max(), concurrency.owner);
  }
  [[nodiscard]] const Performer& perform() const { return perform_; }
  [[nodiscard]] const Concurrency& concurrency() const { return concurrency_; }

  void wait(OwnerKey owner, Waiting effect) {
    if (!waiting_[owner].insert(effect).second) return;
    // Without bounds of its own: items in memory have one.
    static_cast<void>(turns_.push(owner, Turn{}));
  }
  /// It does not wait any more. Its owner keeps the turn, which goes to nobody then.
  void leave(OwnerKey owner, Waiting effect) {
    const auto found = waiting_.find(owner);
    if (found == waiting_.end()) return;
    found->second.erase(effect);
    if (found->second.empty()) waiting_.erase(found);
  }
  /// The position of the effect that begins now, if one may; `end` follows for its owner.
  [[nodiscard]] std::optional<std::uint64_t> begin() {
    while (perform_ && running() < concurrency_.all) {
      const auto turn = turns_.take();
      if (!turn) return {};
      const auto found = waiting_.find(turn->owner);
      if (found == waiting_.end()) {
        turns_.finish(turn->owner, 0);
        continue;
      }
      const auto position = found->second.begin()->position;
      leave(turn->owner, *found->second.begin());
      return position;
    }
    return {};
  }
  void end(OwnerKey owner) { turns_.finish(owner, 1); }

  [[nodiscard]] std::size_t running() const { return turns_.running(); }
  [[nodiscard]] bool waits(OwnerKey owner, Waiting effect) const {
    const auto found = waiting_.find(owner);
    return found != waiting_.end() && found->second.contains(effect);
  }
  /// Nothing waits, nothing runs.
  void clear() {
    waiting_.clear();
    turns_ =
        FairQueue<Turn>{{.owner_running_max = concurrency_.owner, .running_max = shared_max()}};
  }

 private:
  struct Turn {};

  /// Where an owner has a share, others find a place beside as many of its kind as there are.
  [[nodiscard]] std::size_t shared_max() const {
    return concurrency_.owner < concurrency_.all ? concurrency_.all : FairLimits::none;
  }

  Performer perform_;
  Concurrency concurrency_;
  std::map<OwnerKey, std::set<Waiting>> waiting_;
  FairQueue<Turn> turns_;  ///< a turn for each that waits, and for some that have left
};

}  // namespace perdure::runtime
