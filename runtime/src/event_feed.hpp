// SPDX-License-Identifier: Apache-2.0
// EventFeed: reads of the event log, most of them from memory, and who wants to know of new events.
#pragma once

#include <deque>
#include <list>
#include <map>

#include "log_gap.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/events.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// The member of an event's stored body that names whom its object was shared with, as owners'
/// texts. Readers do not see it.
inline constexpr std::string_view event_grantees = "grantees";

/// The event of a row. Errors: corrupt.
[[nodiscard]] Result<EventPtr> decode_event(const std::string& history, std::uint64_t position,
                                            std::string_view body);

/// Whether it is a cursor of some log, so that what retention takes after its place is noticed:
/// "0" and the empty one are not.
[[nodiscard]] bool names_place(std::string_view cursor);

/// Threads  any.
class EventFeed {
 public:
  explicit EventFeed(const storage::Store& store);

  /// Errors: invalid (`/after`, `/topics`); those of the store.
  [[nodiscard]] Result<EventPage> read(const EventQuery& query);
  /// The cursor of the place after all that is durable.
  [[nodiscard]] Result<std::string> end() const;
  [[nodiscard]] std::unique_ptr<EventWatch> watch(std::function<void()> callback);

  /// A commit published events, the first at `position`.
  void published(std::uint64_t position, std::vector<std::string> bodies);
  void reset();
  /// What is in memory is counted, and within its bounds. Aborts otherwise.
  void check_invariants() const;

 private:
  class Sight;
  class Watch;
  struct Watches {
    WatchedMutex mutex;
    std::list<Watch*> all;
  };
  struct Place {
    std::uint64_t next;  ///< the first position to read
    bool lost;
  };

  [[nodiscard]] Result<Place> place_of(const std::string& cursor,
                                       const storage::EventRange& range) const;
  /// The first whom an event matters to decodes it, not the commit that publishes it.
  struct Recent {
    std::shared_ptr<const std::string> body;
    EventPtr event;  ///< null until it was looked at
  };

  /// What stands in the log at a position: an event, or a gap that ends there.
  struct Row {
    std::uint64_t position;
    EventPtr event;               ///< null: a gap
    std::uint64_t gap_first = 0;  ///< as EventRow has it
    LogGap gap = {};
  };

  [[nodiscard]] Result<std::vector<Row>> rows_from(std::uint64_t position, std::size_t limit,
                                                   const std::string& history);
  /// What cannot be understood is left out.
  static void add_row(const storage::EventRow& row, const std::string& history,
                      std::vector<Row>& to);
  [[nodiscard]] Result<std::vector<Row>> sound_rows(std::uint64_t position, std::size_t limit,
                                                    const std::string& history);
  /// From a position on; empty when the store has to be asked, or nothing is there.
  [[nodiscard]] std::optional<std::vector<Recent>> recent_from(std::uint64_t position,
                                                               std::size_t limit);
  /// Keeps what was decoded, for others who look at it.
  void keep(std::uint64_t position, const std::vector<Recent>& decoded);
  void forget_recent();

  const storage::Store& store_;
  const std::shared_ptr<Watches> watches_;

  mutable WatchedMutex mutex_;      // guards the rest
  std::deque<Recent> recent_;       ///< dense positions, up to the newest that is durable
  std::uint64_t recent_first_ = 0;  ///< the position of its front
  std::size_t recent_bytes_ = 0;
};

}  // namespace perdure::runtime
