// SPDX-License-Identifier: Apache-2.0
// AlarmLines: rates are kept, order is kept, and owners take turns.
#include "alarm_lines.hpp"

#include <gtest/gtest.h>

#include <map>

#include "perdure/base/random.hpp"

namespace perdure::runtime {
namespace {

using namespace std::chrono_literals;
using storage::AlarmPlace;

AlarmPlace alarm(const std::string& object, int due_ms, const std::string& name = "a") {
  return {from_unix_ms(due_ms), {"bell", object}, name};
}

/// The most of `times` that lie within one second.
std::size_t most_in_a_second(const std::vector<Microseconds>& times) {
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    while (times[i] - times[first] >= 1s) ++first;
    most = std::max(most, i - first + 1);
  }
  return most;
}

TEST(Rate, lets_no_second_have_more_and_comes_close_to_it) {
  for (const std::uint32_t rate : {1U, 3U, 19U, 20U, 21U, 100U, 1'000U, 7'777U}) {
    const Rate limit{rate};
    RateMeter meter;
    std::vector<Microseconds> times;
    for (Microseconds now{0}; now < 5s; now += 1ms) {
      if (now > 2s && now < 2500ms) continue;  // a rest saves nothing up
      while (meter.ready_at(limit) <= now) {
        meter.take(limit, now);
        times.push_back(now);
      }
    }
    EXPECT_LE(most_in_a_second(times), rate) << rate;
    EXPECT_GE(times.size(), std::size_t{4} * rate * 9 / 10) << rate;
  }
}

TEST(AlarmLines, give_the_alarms_of_an_object_in_order_of_their_time) {
  AlarmLines lines{{.object_rate = 1'000, .owner_rate = 1'000}};
  for (const int due : {30, 10, 40, 20}) lines.add(1, alarm("a", due), 0us);
  std::vector<std::int64_t> order;
  for (Microseconds now{0}; now < 100ms; now += 1ms) {
    while (const auto taken = lines.take(now)) {
      order.push_back(to_unix_ms(taken->alarm.due));
      lines.finish(taken->owner);
      lines.check_invariants();
    }
  }
  EXPECT_EQ(order, (std::vector<std::int64_t>{10, 20, 30, 40}));
}

TEST(AlarmLines, let_an_owner_with_one_alarm_go_before_the_many_of_another) {
  AlarmLines lines{{.object_rate = 10'000, .owner_rate = 10'000}};
  for (int i = 0; i < 1'000; ++i) lines.add(1, alarm("a" + std::to_string(i), i), 0us);
  ASSERT_TRUE(lines.take(0us));
  lines.add(2, alarm("b", 5'000), 0us);
  const auto next = lines.take(0us);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->owner, 2U);
}

TEST(AlarmLines, give_an_owner_only_its_share_of_what_runs) {
  AlarmLines lines{{.object_rate = 10'000, .owner_rate = 100'000}};
  for (int i = 0; i < 500; ++i) lines.add(1, alarm("a" + std::to_string(i), i), 0us);
  std::size_t running = 0;
  for (Microseconds now{0}; now < 1s; now += 1ms) {
    while (lines.take(now)) ++running;
  }
  EXPECT_EQ(running, AlarmLines::owner_running_max);
  lines.finish(1);
  EXPECT_TRUE(lines.take(1s));
}

TEST(AlarmLines, leave_room_for_owners_that_come_when_much_is_waiting) {
  AlarmLines lines{{}};
  std::size_t added = 0;
  for (OwnerKey owner = 1; owner <= 200; ++owner) {
    for (int i = 0; lines.room(owner) > 0; ++i) {
      lines.add(owner, alarm(std::to_string(owner), i), 0us);
      ++added;
    }
    EXPECT_GE(lines.waiting(owner), AlarmLines::owner_waiting_min);
    EXPECT_LE(lines.waiting(owner), AlarmLines::owner_waiting_max);
  }
  EXPECT_EQ(lines.waiting(), added);
  EXPECT_LE(added, AlarmLines::waiting_max + 200 * AlarmLines::owner_waiting_min);
}

TEST(AlarmLines, keep_every_rate_and_lose_nothing_whatever_comes) {
  constexpr std::uint32_t object_rate = 30;
  constexpr std::uint32_t owner_rate = 70;
  AlarmLines lines{{.object_rate = object_rate, .owner_rate = owner_rate}};
  SeededRandom random{7};
  std::map<OwnerKey, std::vector<Microseconds>> by_owner;
  std::map<ObjectId, std::vector<Microseconds>> by_object;
  std::vector<OwnerKey> running;
  std::size_t added = 0;
  std::size_t taken = 0;
  for (Microseconds now{0}; now < 60s; now += Microseconds{1'000}) {
    if (now < 20s) {
      for (auto count = random.next() % 3; count > 0; --count) {
        const auto owner = static_cast<OwnerKey>(random.next() % 3);
        const auto object = std::to_string(owner) + "/" + std::to_string(random.next() % 6);
        if (lines.room(owner) == 0) continue;
        lines.add(owner, alarm(object, static_cast<int>(added), std::to_string(added)), now);
        ++added;
      }
    }
    while (const auto one = lines.take(now)) {
      ++taken;
      by_owner[one->owner].push_back(now);
      by_object[one->alarm.object].push_back(now);
      running.push_back(one->owner);
    }
    while (!running.empty() && random.next() % 4 != 0) {
      lines.finish(running.back());
      running.pop_back();
    }
    if (now % 100ms == 0us) lines.check_invariants();
  }
  EXPECT_EQ(taken, added);
  EXPECT_GT(added, 1'000U);
  for (const auto& [owner, times] : by_owner) EXPECT_LE(most_in_a_second(times), owner_rate);
  for (const auto& [object, times] : by_object) EXPECT_LE(most_in_a_second(times), object_rate);
}

TEST(AlarmLines, that_were_cleared_still_know_what_runs_and_what_was_used) {
  AlarmLines lines{{.object_rate = 1, .owner_rate = 10}};
  lines.add(1, alarm("a", 1), 0us);
  lines.add(1, alarm("a", 2), 0us);
  ASSERT_TRUE(lines.take(0us));
  lines.clear();
  lines.check_invariants();
  EXPECT_EQ(lines.waiting(), 0U);
  lines.add(1, alarm("a", 2), 10us);
  EXPECT_FALSE(lines.take(500ms));
  lines.finish(1);
  EXPECT_TRUE(lines.take(1s));
}

}  // namespace
}  // namespace perdure::runtime
