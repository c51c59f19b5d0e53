// SPDX-License-Identifier: Apache-2.0
// LogTrimmer: which events the log lets go of.
//
// What is older than the log's age goes from its front. When there are too many, the oldest events
// of owners that have more than their share go first, from wherever they are, and a gap stays in
// their place (log_gap.hpp): so one owner cannot push the events of others out. Only when nobody
// has more than its share, the front goes.
//
// A turn pays nothing for that. Whose the events are is counted once the log is full, by reading
// it, and kept in memory from then on: what a crash leaves is what is counted.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>

#include "log_gap.hpp"
#include "perdure/base/fair_queue.hpp"
#include "perdure/runtime/options.hpp"
#include "times.hpp"

namespace perdure::runtime {

/// Threads  one at a time.
class LogTrimmer {
 public:
  LogTrimmer(storage::Store& store, const Times& times, EventRetention retention);

  /// Lets go of what is too old.
  void trim_old();
  /// Does some of what is to be done about what is too many. True when more is left.
  [[nodiscard]] bool trim_many();
  /// After so many new events it is worth looking.
  [[nodiscard]] std::uint64_t looks_after() const { return retention_.events_max / 64 + 1; }

 private:
  /// A gap that ends right before `walked_`, and the rows that are to become part of it.
  struct OpenGap {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    LogGap gap;
    std::vector<std::uint64_t> erased;  ///< once they are, the row of the gap itself
    std::size_t fresh = 0;              ///< of them, those that the store's gap does not stand for
  };

  /// Forgets what it has counted.
  void reset();
  /// Counts rows that came since the last time. False when more of them wait, or none can be read.
  [[nodiscard]] bool learn(const storage::EventRange& range);
  void count(const storage::EventRow& row);
  void discount(const storage::EventRow& row);
  void mark_greedy(OwnerKey owner);
  /// Lets go of events of greedy owners. False when it came to the end of the log.
  [[nodiscard]] bool drop_some(const storage::EventRange& range);
  /// Passes one row.
  void pass(const storage::EventRow& row);
  /// Tells the store of the open gap, which may go on. One that it does not take ends everything.
  void write_gap();
  void trim_front(const storage::EventRange& range);
  /// Whose the events of a damaged log are nobody can tell: its front goes.
  void trim_blindly(const storage::EventRange& range);
  /// Before the events below `first` go: they are not counted any more.
  void forget_below(const storage::EventRange& range, std::uint64_t first);
  [[nodiscard]] std::uint64_t share() const;

  storage::Store& store_;
  const Times& times_;
  const EventRetention retention_;

  std::uint64_t epoch_ = 0;    ///< of the store that was counted
  std::uint64_t learned_ = 0;  ///< the last position that is counted; 0: none are
  std::uint64_t live_ = 0;     ///< events that are counted
  std::unordered_map<OwnerKey, std::uint64_t> counts_;
  std::set<OwnerKey> greedy_;  ///< had more than their share, and have more than half of it
  std::uint64_t walked_ = 0;   ///< below it nothing of greedy owners is left
  std::optional<OpenGap> open_;
};

}  // namespace perdure::runtime
