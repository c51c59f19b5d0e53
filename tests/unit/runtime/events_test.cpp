// SPDX-License-Identifier: Apache-2.0
// Promise 8 on a real data directory: events reach each reader in commit order, without a gap, from
// its cursor on. Objects that subscribe: subscription_test.cpp.
#include <algorithm>
#include <fstream>
#include <set>

#include "events_fixture.hpp"

namespace perdure {
namespace {

TEST_F(Events, come_in_commit_order_from_a_cursor_on) {
  for (int i = 1; i <= 5; ++i) add(i % 2 == 0 ? "a" : "b", i);
  const auto first = read({.limit = 2});
  EXPECT_EQ(amounts(first), (Amounts{1, 2}));
  const auto second = read({.after = first.next});
  EXPECT_EQ(amounts(second), (Amounts{3, 4, 5}));
  EXPECT_TRUE(second.at_end);
  EXPECT_FALSE(second.lost);
  restart();
  EXPECT_EQ(amounts(read({.after = first.events[0]->cursor})), (Amounts{2, 3, 4, 5}));
  EXPECT_TRUE(read({.after = second.next}).events.empty());
}

TEST_F(Events, a_reader_gets_past_damage_and_hears_of_it) {
  constexpr std::int64_t count = 400;  // of several blocks
  for (std::int64_t i = 1; i <= count; ++i) add("a", 1'000'000 + i);
  restart();  // what the log holds goes into files of sorted rows
  runtime_.reset();
  int damaged = 0;
  for (const auto& file : std::filesystem::directory_iterator{directory_}) {
    if (file.path().extension() != ".sst") continue;
    std::fstream stream{file.path(), std::ios::in | std::ios::out | std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{stream}, {}};
    const auto at = bytes.find(R"("data":{"by":1000200)");
    if (at == std::string::npos) continue;
    stream.seekp(static_cast<std::streamoff>(at + 10));
    stream.put('!');
    ++damaged;
  }
  ASSERT_EQ(damaged, 1);
  open();
  std::set<std::int64_t> seen;
  bool lost = false;
  EventQuery query{.after = "0", .limit = 50};
  for (bool at_end = false; !at_end;) {
    const auto page = read(query);
    for (const auto amount : amounts(page)) seen.insert(amount - 1'000'000);
    lost = lost || page.lost;
    query.after = page.next;
    at_end = page.at_end;
  }
  EXPECT_TRUE(lost);
  EXPECT_TRUE(seen.contains(1));
  EXPECT_FALSE(seen.contains(200));
  EXPECT_TRUE(seen.contains(count));
  EXPECT_GT(seen.size(), count / 2);
}

TEST_F(Events, are_cloud_events_with_their_source) {
  add("a", 7);
  const auto event = read({}).events.at(0);
  EXPECT_EQ(event->topic, "counter.added");
  EXPECT_EQ(event->source, (ObjectId{"counter", "a"}));
  const auto body = Json::parse(event->body);
  EXPECT_EQ(body["specversion"], "1.0");
  EXPECT_EQ(body["id"], event->id);
  EXPECT_EQ(body["source"], "/counter/a");
}

TEST_F(Events, a_reader_sees_only_what_it_may) {
  value(runtime_->object("counter", "x")
            .send({.name = "add", .payload = Add{1}, .principal = ann})
            .get());
  add("y", 2);
  EXPECT_EQ(amounts(read({.principal = ann})), (Amounts{1}));
  EXPECT_EQ(amounts(read({.principal = bob})), (Amounts{}));
  EXPECT_EQ(amounts(read({.principal = root})), (Amounts{1, 2}));
}

TEST_F(Events, from_now_on_means_nothing_of_before) {
  add("a", 1);
  const auto now = read({.after = ""});
  EXPECT_TRUE(now.events.empty());
  add("a", 2);
  EXPECT_EQ(amounts(read({.after = now.next})), (Amounts{2}));
}

TEST_F(Events, a_cursor_of_another_history_says_that_events_were_lost) {
  add("a", 1);
  const auto page = read({.after = "0123456789abcdef-1"});
  EXPECT_TRUE(page.lost);
  EXPECT_EQ(amounts(page), (Amounts{1}));
  EXPECT_EQ(runtime_->read_events({.after = "nonsense"}).error().fields[0].pointer, "/after");
  EXPECT_EQ(runtime_->read_events({.topics = {"a..b"}}).error().fields[0].pointer, "/topics");
}

TEST_F(Events, a_watch_hears_of_new_events) {
  std::atomic<int> heard{0};
  auto watch = runtime_->watch_events([&] { ++heard; });
  add("a", 1);
  EXPECT_TRUE(eventually([&] { return heard == 1; }));
  watch.reset();
  add("a", 1);
  EXPECT_EQ(heard, 1);
}

class EventShares : public Events {
 protected:
  static constexpr std::uint64_t events_max = 100;

  EventShares() : Events({.event_retention = {.events_max = events_max}}) {}

  void add_as(const Principal& who, std::int64_t by, const std::string& id = "") {
    value(runtime_
              ->call({.target = {"counter", id.empty() ? who.user_id : id},
                      .name = "add",
                      .payload = Add{by},
                      .principal = who})
              .get());
  }
  /// All that a reader sees of the log.
  struct Seen {
    Amounts amounts;
    int losses = 0;
  };
  Seen all(const Principal& who, std::string after = "0") {
    Seen seen;
    for (bool at_end = false; !at_end;) {
      const auto page = read({.after = after, .principal = who, .limit = 30});
      for (const auto amount : amounts(page)) seen.amounts.push_back(amount);
      seen.losses += page.lost ? 1 : 0;
      after = page.next;
      at_end = page.at_end;
    }
    return seen;
  }
  /// Of the log, once it has no more than it may. Readers have the newest events from memory until
  /// a restart, also those that the log has let go of.
  std::size_t settled_size() {
    restart();
    std::size_t size = 0;
    EXPECT_TRUE(eventually([&] { return (size = all(root).amounts.size()) <= events_max + 2; }));
    return size;
  }
};

TEST_F(EventShares, keep_an_owners_events_while_another_fills_the_log) {
  for (int i = 1; i <= 20; ++i) add_as(bob, i);
  const auto before = read({.principal = bob, .limit = 5}).next;
  for (int i = 1; i <= 400; ++i) {
    add_as(ann, i);
    if (i % 80 == 0) add_as(bob, 100 + i / 80);
  }
  EXPECT_GE(settled_size(), events_max - 2);
  const auto of_bob = all(bob);
  ASSERT_EQ(of_bob.amounts.size(), 25U) << "as many as are one owner's share";
  EXPECT_EQ(of_bob.amounts.front(), 1);
  EXPECT_EQ(of_bob.amounts.back(), 105);
  const auto of_ann = all(ann).amounts;
  EXPECT_EQ(of_ann.back(), 400) << "the oldest go first";
  EXPECT_EQ(of_ann.size(), static_cast<std::size_t>(401 - of_ann.front()));
  // Only readers of what is gone hear of it.
  EXPECT_EQ(all(bob, before).losses, 0);
  EXPECT_GT(all(ann, before).losses, 0);
  EXPECT_GT(all(root, before).losses, 0);
}

TEST_F(EventShares, that_are_gone_are_told_at_their_place_and_once) {
  for (int i = 1; i <= 20; ++i) add_as(bob, i);
  const auto before = read({.principal = bob, .limit = 5}).next;
  for (int i = 1; i <= 400; ++i) add_as(ann, i);
  EXPECT_GE(settled_size(), events_max - 2);
  const auto kept = read({.after = before, .principal = root});
  EXPECT_EQ(kept.events.size(), 15U);
  EXPECT_FALSE(kept.lost) << "bob's events are before what is gone";
  for (const auto& [reader, after] : {std::pair{root, kept.next}, std::pair{ann, before}}) {
    const auto gone = read({.after = after, .principal = reader});
    EXPECT_TRUE(gone.lost);
    EXPECT_TRUE(gone.events.empty()) << "they are behind what is gone";
    const auto left = read({.after = gone.next, .principal = reader});
    EXPECT_FALSE(left.lost);
    EXPECT_FALSE(left.events.empty());
  }
  const auto oldest = read({.after = "0", .principal = ann});
  EXPECT_FALSE(oldest.lost) << "the oldest events are whichever are left";
  EXPECT_FALSE(oldest.events.empty());
}

TEST_F(EventShares, of_an_owner_who_is_alone_are_the_whole_log) {
  for (int i = 1; i <= 300; ++i) add_as(ann, i);
  EXPECT_GE(settled_size(), events_max - 2);
  EXPECT_EQ(all(ann).amounts.back(), 300);
}

TEST_F(EventShares, take_the_front_when_nobody_has_too_many) {
  for (int i = 1; i <= 300; ++i) {
    add_as({.role = Principal::Role::user, .user_id = "user" + std::to_string(i % 10)}, i);
  }
  EXPECT_GE(settled_size(), events_max - 2);
  const auto left = all(root).amounts;
  EXPECT_EQ(left.back(), 300);
  EXPECT_EQ(left.size(), static_cast<std::size_t>(301 - left.front()));
}

TEST_F(EventShares, are_kept_by_what_a_restart_finds_in_the_log) {
  for (int i = 1; i <= 20; ++i) add_as(bob, i);
  for (int i = 1; i <= 90; ++i) add_as(ann, i);
  restart();
  for (int i = 1; i <= 90; ++i) add_as(ann, 100 + i);
  EXPECT_GE(settled_size(), events_max - 2);
  EXPECT_EQ(all(bob).amounts.size(), 20U);
}

TEST(Topics, match_by_their_parts) {
  EXPECT_TRUE(names_first_part("a.*", "a.b.c"));
  EXPECT_FALSE(names_first_part("*.b", "a.b.c"));
  EXPECT_FALSE(names_first_part("ab.*", "a.b.c"));
  EXPECT_TRUE(topic_matches("*", "a.b.c"));
  EXPECT_TRUE(topic_matches("a.*", "a.b"));
  EXPECT_FALSE(topic_matches("a.*", "a.b.c"));
  EXPECT_FALSE(topic_matches("a.*", "a"));
  EXPECT_TRUE(topic_matches("a.**", "a.b.c"));
  EXPECT_FALSE(topic_matches("a.**", "a"));
  EXPECT_TRUE(topic_matches("*.b.*", "a.b.c"));
  EXPECT_FALSE(topic_matches("a.b", "a.bc"));
  for (const auto* bad : {"", ".", "a.", ".a", "a..b", "**.a", "a*", "a b"}) {
    EXPECT_FALSE(validate_topic_pattern(bad)) << bad;
  }
}

}  // namespace
}  // namespace perdure
