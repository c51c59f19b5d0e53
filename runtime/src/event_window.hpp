// SPDX-License-Identifier: Apache-2.0
// EventWindow: the newest events that subscriptions of one owner may want, so that each of many
// that are behind finds its own without walking through all that others published since.
#pragma once

#include <deque>

#include "event_feed.hpp"

namespace perdure::runtime {

/// Threads  none of its own: the user locks.
/// Limits   256 events and 128 KiB of them; the oldest go, and whoever is further behind reads the
///          event log.
class EventWindow {
 public:
  static constexpr std::size_t events_max = 256;
  static constexpr std::size_t bytes_max = 128u << 10;

  /// From now on nothing is known.
  void end() {
    from_.clear();
    events_.clear();
    bytes_ = 0;
  }
  /// The next event that is wanted, where `before` is the cursor of the place before it.
  void add(const std::string& before, const EventPtr& event) {
    if (from_.empty()) from_ = before;
    events_.push_back(event);
    bytes_ += event->body.size();
    while (events_.size() > events_max || bytes_ > bytes_max) {
      from_ = events_.front()->cursor;
      bytes_ -= events_.front()->body.size();
      events_.pop_front();
    }
  }
  /// Whether all that was wanted after a cursor is here.
  [[nodiscard]] bool covers(std::string_view cursor) const {
    return !from_.empty() && is_same_history(cursor, from_) &&
           position_of(cursor) >= position_of(from_);
  }
  /// What is wanted after a cursor that is covered; `tail` is the cursor that all has been added up
  /// to.
  template <class Wants>
  [[nodiscard]] EventPage read(std::string_view after, const std::string& tail, std::size_t limit,
                               Wants wants) const {
    EventPage page{.events = {}, .next = tail, .at_end = true};
    const auto first = std::ranges::upper_bound(
        events_, position_of(after), {}, [](const EventPtr& event) { return event->position; });
    for (auto event = first; event != events_.end(); ++event) {
      if (!wants(**event)) continue;
      if (page.events.size() == limit) {
        page.next = page.events.back()->cursor;
        page.at_end = false;
        break;
      }
      page.events.push_back(*event);
    }
    return page;
  }

 private:
  static bool is_same_history(std::string_view one, std::string_view other) {
    return one.substr(0, one.find('-')) == other.substr(0, other.find('-'));
  }

  std::string from_;  ///< nothing that was wanted after it is missing; empty: nothing is known
  std::deque<EventPtr> events_;
  std::size_t bytes_ = 0;
};

}  // namespace perdure::runtime
