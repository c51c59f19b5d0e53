// SPDX-License-Identifier: Apache-2.0
// EventWindow: what it says to cover is whole, whatever has gone out of it.
#include "event_window.hpp"

#include <gtest/gtest.h>

#include "perdure/base/random.hpp"

namespace perdure::runtime {
namespace {

std::string cursor(std::uint64_t position, const std::string& history = "0123") {
  return history + '-' + std::to_string(position);
}

EventPtr event(std::uint64_t position, std::size_t bytes = 10) {
  auto made = std::make_shared<Event>();
  made->position = position;
  made->cursor = cursor(position);
  made->topic = position % 2 == 0 ? "even" : "odd";
  made->body.assign(bytes, 'x');
  return made;
}

constexpr auto all = [](const Event&) { return true; };

TEST(EventWindow, gives_all_that_was_added_after_a_cursor_that_it_covers) {
  SeededRandom random{11};
  EventWindow window;
  std::vector<std::uint64_t> added;
  std::uint64_t position = 1'000;
  for (int step = 0; step < 5'000; ++step) {
    const auto before = position;
    position += 1 + random.next() % 20;  // those in between nobody wants
    window.add(cursor(position - 1), event(position, random.next() % 2'000));
    added.push_back(position);
    const auto after = before - random.next() % std::min<std::uint64_t>(before, 6'000);
    if (!window.covers(cursor(after))) continue;
    const auto page = window.read(cursor(after), cursor(position), 10'000, all);
    std::vector<std::uint64_t> found;
    for (const auto& one : page.events) found.push_back(one->position);
    const auto first = std::ranges::upper_bound(added, after);
    ASSERT_EQ(found, (std::vector<std::uint64_t>{first, added.end()})) << "after " << after;
    ASSERT_TRUE(page.at_end);
  }
  EXPECT_TRUE(window.covers(cursor(position)));
  EXPECT_FALSE(window.covers(cursor(1'000))) << "it has a bound";
}

TEST(EventWindow, ends_a_page_where_more_follows) {
  EventWindow window;
  for (std::uint64_t position = 1; position <= 20; ++position) {
    window.add(cursor(position - 1), event(position));
  }
  const auto odd = [](const Event& one) { return one.topic == "odd"; };
  const auto page = window.read(cursor(0), cursor(25), 3, odd);
  ASSERT_EQ(page.events.size(), 3U);
  EXPECT_EQ(page.next, cursor(5));
  EXPECT_FALSE(page.at_end);
  const auto rest = window.read(page.next, cursor(25), 100, odd);
  EXPECT_EQ(rest.events.size(), 7U);
  EXPECT_EQ(rest.next, cursor(25));
  EXPECT_TRUE(rest.at_end);
}

TEST(EventWindow, covers_nothing_of_another_history_or_of_before_it_began) {
  EventWindow window;
  EXPECT_FALSE(window.covers(cursor(5)));
  window.add(cursor(6), event(7));
  EXPECT_TRUE(window.covers(cursor(6)));
  EXPECT_FALSE(window.covers(cursor(5)));
  EXPECT_FALSE(window.covers(cursor(6, "4567")));
  for (const auto* no_cursor : {"", "0"}) EXPECT_FALSE(window.covers(no_cursor));
  window.end();
  EXPECT_FALSE(window.covers(cursor(7)));
}

}  // namespace
}  // namespace perdure::runtime
