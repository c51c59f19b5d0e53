// SPDX-License-Identifier: Apache-2.0
// Stories of handlers in C++, whose time is stepped. With threads: tests/unit/runtime.
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure::sim {
namespace {

using perdure::testing::World;

struct Station {
  int sent = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Station, sent)

std::vector<Kind> station_kinds() {
  return {kind<Station>("station").command("send", [](Turn& turn, Station& self, const Json& what) {
    for (int i = 0; i < what.at("times"); ++i) turn.publish(what.at("topic"), ++self.sent);
  })};
}

class SubscriberStories : public ::testing::Test {
 protected:
  void subscribe() {
    subscriber_.reset();
    auto made =
        world_.runtime().subscribe({.name = "s", .topics = {"news.*"}, .retry = {}},
                                   [this](const EventBatch& batch) -> Result<void> {
                                     for (const auto& event : batch.events) {
                                       heard_.push_back(Json::parse(event->body).at("data"));
                                     }
                                     return {};
                                   });
    ASSERT_TRUE(made) << to_string(made.error());
    subscriber_ = std::move(*made);
    world_.settle();
  }
  void send(const std::string& topic, int times = 1) {
    for (; times > 0; times -= 100) {
      const auto sent =
          world_.call("station/s", "send", {{"topic", topic}, {"times", std::min(times, 100)}});
      ASSERT_TRUE(sent) << to_string(sent.error());
    }
  }
  std::string durable_cursor() { return world_.state("subscriber/s")->at("cursor"); }
  std::string end() { return world_.runtime().events_end().value(); }

  World world_{1, station_kinds()};
  std::vector<int> heard_;
  std::unique_ptr<Subscriber> subscriber_;  ///< goes before the world
};

TEST_F(SubscriberStories, a_subscriber_of_rare_topics_does_not_begin_far_back_after_a_restart) {
  subscribe();
  send("news.a");
  world_.settle();
  const auto matched = durable_cursor();
  EXPECT_EQ(matched, end());
  send("chat.a", 4'000);
  world_.settle();
  EXPECT_EQ(durable_cursor(), matched) << "a turn for every event that is not its own";
  send("chat.a", 200);
  world_.settle();
  const auto far = durable_cursor();
  EXPECT_NE(far, matched) << "thousands of events will be looked at again";
  world_.crash();
  subscribe();
  EXPECT_EQ(subscriber_->state().cursor, end());
  send("news.a");
  world_.settle();
  EXPECT_EQ(heard_, (std::vector<int>{1, 4'202}));
}

TEST_F(SubscriberStories, a_cursor_that_moved_is_durable_a_minute_later) {
  subscribe();
  send("news.a");
  world_.settle();
  const auto matched = durable_cursor();
  send("chat.a");
  world_.advance(std::chrono::seconds{50});
  EXPECT_EQ(durable_cursor(), matched);
  world_.advance(std::chrono::seconds{20});
  EXPECT_EQ(durable_cursor(), end());
  const auto seq = world_.runtime().inspect({"subscriber", "s"})->meta.seq;
  world_.advance(std::chrono::hours{1});
  EXPECT_EQ(world_.runtime().inspect({"subscriber", "s"})->meta.seq, seq)
      << "turns although nothing happens";
}

TEST_F(SubscriberStories, from_the_oldest_event_on_have_a_durable_place_at_once) {
  subscribe();
  EXPECT_EQ(durable_cursor(), end()) << "what retention takes from now on would not be noticed";
}

TEST_F(SubscriberStories, whose_cursor_an_operator_removes_begins_anew_while_it_lives) {
  subscribe();
  send("news.a", 2);
  world_.settle();
  ASSERT_TRUE(world_.call("subscriber/s", "$remove"));
  send("news.a");
  world_.advance(std::chrono::seconds{1});
  EXPECT_EQ(heard_, (std::vector<int>{1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(subscriber_->state().error, "");
  EXPECT_EQ(durable_cursor(), end());
}

TEST_F(SubscriberStories, bear_one_name_each_also_where_they_are_stepped) {
  subscribe();
  const auto again = world_.runtime().subscribe(
      {.name = "s"}, [](const EventBatch&) -> Result<void> { return {}; });
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace perdure::sim
