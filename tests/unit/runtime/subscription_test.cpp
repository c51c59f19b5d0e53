// SPDX-License-Identifier: Apache-2.0
// Objects that subscribe get each event once, in order, as they asked for it.
#include <algorithm>

#include "events_fixture.hpp"

namespace perdure {
namespace {

TEST_F(Events, a_subscribed_object_gets_each_event_once_in_order_across_restarts) {
  add("a", 1);
  value(call(
      "subscription", "s", "subscribe",
      Json{{"topics", {"counter.*"}}, {"kind", "listener"}, {"id", "l"}, {"command", "hear"}}));
  add("a", 2);
  const auto heard = [&] { return value(ask("listener", "l", "heard")).get<Amounts>(); };
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{1, 2}); }));
  restart();
  for (int i = 3; i <= 20; ++i) add("a", i);
  EXPECT_TRUE(eventually([&] { return heard().size() == 20; }));
  Amounts all(20);
  for (std::size_t i = 0; i < 20; ++i) all[i] = static_cast<std::int64_t>(i) + 1;
  EXPECT_EQ(heard(), all);
}

TEST_F(Events, come_several_at_once_to_an_object_that_takes_batches) {
  const auto heard = [&] { return value(ask("listener", "l", "heard")).get<Amounts>(); };
  value(call("subscription", "s", "subscribe",
             Json{{"topics", {"**"}},
                  {"kind", "listener"},
                  {"id", "l"},
                  {"command", "hear_all"},
                  {"batch_max", 10}}));
  value(call("subscription", "s", "pause", Json()));
  Amounts all;
  for (int i = 1; i <= 25; ++i) {
    add("a", i);
    all.push_back(i);
  }
  value(call("subscription", "s", "resume", Json()));
  EXPECT_TRUE(eventually([&] { return heard() == all; }));
  EXPECT_EQ(value(ask("listener", "l", "batches")), (Json{10, 10, 5}));
  // One of an earlier version, which was made without a size, gets it with other topics.
  value(call("subscription", "s", "change", Json{{"topics", {"**"}}, {"batch_max", 100}}));
  EXPECT_EQ(runtime_->inspect({"subscription", "s"})->state.at("batch_max"), 100);
  const auto refused =
      call("subscription", "s", "change", Json{{"topics", {"**"}}, {"batch_max", 101}});
  EXPECT_EQ(refused.error().fields.at(0).pointer, "/batch_max");
}

TEST_F(Events, come_to_each_of_many_subscriptions_of_an_owner_once_in_order) {
  constexpr int subscriptions = 20;
  constexpr int events = 600;
  const auto id = [](int i) { return "s" + std::to_string(i); };
  for (int i = 0; i < subscriptions; ++i) {
    Call subscribe{.target = {"subscription", id(i)},
                   .name = "subscribe",
                   .payload = {{"topics", {i % 2 == 0 ? "**" : "counter.*"}},
                               {"by_name", {"noting"}},
                               {"kind", "listener"},
                               {"id", id(i)},
                               {"command", "hear_all"},
                               {"batch_max", 1 + i}}};
    subscribe.owner = ann.user_id;
    value(runtime_->call(std::move(subscribe)).get());
  }
  Amounts all;
  for (int i = 1; i <= events; ++i) {
    // Of those in between nobody wants to hear, and others are of somebody else.
    value(runtime_->object("noting", "n")
              .send({.name = "note", .payload = Json{{"by", 0}}, .principal = ann})
              .get());
    if (i % 5 == 0) add("of nobody", 0);
    value(runtime_->object("counter", "c")
              .send({.name = "add", .payload = Add{i}, .principal = ann})
              .get());
    all.push_back(i);
    if (i == events / 2) restart();
  }
  for (int i = 0; i < subscriptions; ++i) {
    const auto heard = [&] {
      const auto reply = ask("listener", id(i), "heard");
      return reply ? reply->value.get<Amounts>() : Amounts{};
    };
    EXPECT_TRUE(eventually([&] { return heard().size() >= events; })) << id(i);
    EXPECT_EQ(heard(), all) << id(i);
  }
}

TEST_F(Events, that_are_large_come_in_batches_that_can_be_sent) {
  value(call("subscription", "s", "subscribe",
             Json{{"topics", {"**"}},
                  {"kind", "listener"},
                  {"id", "l"},
                  {"command", "hear_all"},
                  {"batch_max", 100}}));
  value(call("subscription", "s", "pause", Json()));
  // Quotes take twice their bytes in a text within a text.
  const std::string note(25'000, '"');
  for (int i = 1; i <= 8; ++i) {
    value(call("noting", "a", "note", Json{{"by", i}, {"note", note}}));
  }
  value(call("subscription", "s", "resume", Json()));
  EXPECT_TRUE(eventually([&] {
    return value(ask("listener", "l", "heard")).get<Amounts>() == (Amounts{1, 2, 3, 4, 5, 6, 7, 8});
  }));
  EXPECT_TRUE(runtime_->list({.kind = "dead_letter"}).value().items.empty());
}

TEST_F(Events, a_subscription_from_now_on_hears_nothing_of_before_even_after_a_restart) {
  add("a", 1);
  value(call("subscription", "s", "subscribe",
             Json{{"topics", {"**"}},
                  {"kind", "listener"},
                  {"id", "l"},
                  {"command", "hear"},
                  {"after", ""}}));
  EXPECT_TRUE(eventually([&] { return runtime_->inspect({"subscription", "s"})->meta.seq == 2; }));
  restart();
  add("a", 2);
  EXPECT_TRUE(eventually(
      [&] { return value(ask("listener", "l", "heard")).get<Amounts>() == (Amounts{2}); }));
}

TEST_F(Events, topics_that_change_hold_for_what_comes_after_their_cursor) {
  const auto heard = [&] { return value(ask("listener", "l", "heard")).get<Amounts>(); };
  value(
      call("subscription", "s", "subscribe",
           Json{{"topics", {"other.*"}}, {"kind", "listener"}, {"id", "l"}, {"command", "hear"}}));
  add("a", 1);
  value(call("subscription", "s", "change",
             Json{{"topics", {"counter.*"}}, {"from", runtime_->events_end().value()}}));
  add("a", 2);
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{2}); }));
  // Said late, it holds for what came in between, too: here a second time.
  const auto before = runtime_->events_end().value();
  add("a", 3);
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{2, 3}); }));
  value(call("subscription", "s", "change", Json{{"topics", {"**"}}, {"from", before}}));
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{2, 3, 3}); }));
  // Without topics nothing is passed on, and what came meanwhile does not come later.
  const auto off = runtime_->events_end().value();
  value(call("subscription", "s", "change", Json{{"topics", Json::array()}, {"from", off}}));
  add("a", 4);
  const auto on = runtime_->events_end().value();
  value(call("subscription", "s", "change", Json{{"topics", {"**"}}, {"from", on}}));
  add("a", 5);
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{2, 3, 3, 5}); }));
}

TEST_F(Events, wildcards_do_not_stand_for_topics_that_must_be_asked_for_by_name) {
  const auto subscribe = [&](const std::string& id, const std::string& topic) {
    value(call("subscription", id, "subscribe",
               Json{{"topics", {topic}},
                    {"by_name", {"counter"}},
                    {"kind", "listener"},
                    {"id", id},
                    {"command", "hear"}}));
  };
  const std::vector<std::string> wildcards{"*", "**", "*.added"};
  for (const auto& wildcard : wildcards) subscribe("of " + wildcard, wildcard);
  subscribe("named", "counter.*");
  for (int i = 1; i <= 5; ++i) add("a", i);
  EXPECT_TRUE(eventually([&] {
    const auto heard = ask("listener", "named", "heard");
    return heard && heard->value.get<Amounts>().size() == 5;
  }));
  for (const auto& wildcard : wildcards) {
    EXPECT_FALSE(runtime_->inspect({"listener", "of " + wildcard})) << wildcard;
  }
}

TEST_F(Events, a_paused_subscription_goes_on_where_it_was) {
  const auto heard = [&] { return value(ask("listener", "l", "heard")).get<Amounts>(); };
  value(call("subscription", "s", "subscribe",
             Json{{"topics", {"**"}}, {"kind", "listener"}, {"id", "l"}, {"command", "hear"}}));
  add("a", 1);
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{1}); }));
  value(call("subscription", "s", "pause", Json()));
  const auto seq = runtime_->inspect({"subscription", "s"})->meta.seq;
  for (int i = 2; i <= 300; ++i) add("a", i);
  // One that is not paused has heard all of it by then.
  value(call("subscription", "t", "subscribe",
             Json{{"topics", {"**"}}, {"kind", "listener"}, {"id", "m"}, {"command", "hear"}}));
  EXPECT_TRUE(eventually([&] {
    const auto other = ask("listener", "m", "heard");
    return other && other->value.get<Amounts>().size() == 300;
  }));
  EXPECT_EQ(heard(), (Amounts{1}));
  EXPECT_EQ(runtime_->inspect({"subscription", "s"})->meta.seq, seq);
  restart();
  value(call("subscription", "s", "resume", Json()));
  EXPECT_TRUE(eventually([&] { return heard().size() == 300; }));
  EXPECT_TRUE(std::ranges::is_sorted(heard()));
}

TEST_F(Events, a_deleted_object_hears_nothing_and_a_purged_one_ends_its_subscription) {
  const auto heard = [&] { return value(ask("listener", "l", "heard")).get<Amounts>(); };
  value(call("subscription", "s", "subscribe",
             Json{{"topics", {"*"}}, {"kind", "listener"}, {"id", "l"}, {"command", "hear"}}));
  add("a", 1);
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{1}); }));
  value(call("listener", "l", "$remove", Json()));
  add("a", 2);
  const auto cursor = [&] {
    return runtime_->inspect({"subscription", "s"})->state.at("cursor").get<std::string>();
  };
  EXPECT_TRUE(eventually([&] { return cursor() == runtime_->events_end().value(); }));
  value(call("listener", "l", "$undelete", Json()));
  add("a", 3);
  EXPECT_TRUE(eventually([&] { return heard() == (Amounts{1, 3}); }));
  value(call("listener", "l", "$remove", Json()));
  value(call("listener", "l", "$purge", Json()));
  add("a", 4);
  EXPECT_TRUE(eventually([&] { return !runtime_->inspect({"subscription", "s"}); }));
}

TEST_F(Events, a_subscription_names_what_is_wrong_with_it) {
  const auto field = [&](const Json& payload) {
    const auto reply = call("subscription", "s", "subscribe", payload);
    return reply || reply.error().fields.empty() ? "none" : reply.error().fields[0].pointer;
  };
  const Json good{{"topics", {"*"}}, {"kind", "listener"}, {"id", "l"}, {"command", "hear"}};
  for (const auto* member : {"topics", "id", "command"}) {
    auto bad = good;
    bad.erase(member);
    EXPECT_EQ(field(bad), std::string{"/"} + member);
  }
}

TEST_F(Events, of_before_a_change_are_judged_by_it_where_more_than_16_kib_would_be_remembered) {
  const auto large = [](char name) {
    auto topics = Json::array();
    for (int i = 100; i < 200; ++i) {
      topics.push_back("counter." + std::string(119, name) + std::to_string(i));
    }
    return topics;
  };
  const auto heard = [&] { return value(ask("listener", "l", "heard")).get<Amounts>(); };
  value(call("subscription", "s", "subscribe",
             Json{{"topics", large('a')},
                  {"kind", "listener"},
                  {"id", "l"},
                  {"command", "hear"},
                  {"after", runtime_->events_end().value()}}));
  value(call("subscription", "s", "pause", Json()));
  const auto remembered_after = [&](const Json& topics, std::int64_t by) {
    add("a", by);
    value(call("subscription", "s", "change",
               Json{{"topics", topics}, {"from", runtime_->events_end().value()}}));
    return runtime_->inspect({"subscription", "s"})->state.at("earlier").size();
  };
  EXPECT_EQ(remembered_after(large('b'), 1), 1U);
  // The second list would make more than 16 KiB: this change holds for what came before it, too.
  EXPECT_EQ(remembered_after({"counter.added"}, 2), 0U);
  for (std::size_t i = 1; i <= 16; ++i) EXPECT_EQ(remembered_after({"**"}, 3), i);
  EXPECT_EQ(remembered_after({"counter.*"}, 4), 0U) << "there is a bound on their number, too";
  value(call("subscription", "s", "resume", Json()));
  Amounts all{1, 2};
  all.insert(all.end(), 16, 3);
  all.push_back(4);
  EXPECT_TRUE(eventually([&] { return ask("listener", "l", "heard") && heard() == all; }));
}

}  // namespace
}  // namespace perdure
