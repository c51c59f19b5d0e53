// SPDX-License-Identifier: Apache-2.0
// Promise 8 for handlers in C++: each event is handed on in order and without a gap, from a cursor
// that outlives the process.
#include <mutex>
#include <set>

#include "fixture.hpp"

namespace perdure {
namespace {

using Amounts = std::vector<std::int64_t>;

/// What a handler was handed; it can be told to refuse.
class Heard {
 public:
  EventHandler handler() {
    return [this](const EventBatch& batch) -> Result<void> {
      const std::scoped_lock lock{mutex_};
      if (refusals_ > 0) {
        --refusals_;
        return fail(ErrorCode::unavailable, "not now");
      }
      lost_ |= batch.lost;
      for (const auto& event : batch.events) {
        amounts_.push_back(Json::parse(event->body)["data"]["by"]);
      }
      return {};
    };
  }
  void refuse(int times) {
    const std::scoped_lock lock{mutex_};
    refusals_ = times;
  }
  Amounts amounts() {
    const std::scoped_lock lock{mutex_};
    return amounts_;
  }
  bool lost() {
    const std::scoped_lock lock{mutex_};
    return lost_;
  }

 private:
  std::mutex mutex_;
  Amounts amounts_;
  bool lost_ = false;
  int refusals_ = 0;
};

class Subscribers : public RuntimeTest {
 protected:
  Subscribers() : RuntimeTest({counter_kind()}) {}

  void add(const std::string& id, std::int64_t by) { value(call("counter", id, "add", Add{by})); }
  std::unique_ptr<Subscriber> subscribe(SubscriberOptions options, EventHandler handler) {
    options.retry.backoff = Milliseconds{1};
    auto subscriber = runtime_->subscribe(std::move(options), std::move(handler));
    EXPECT_TRUE(subscriber) << to_string(subscriber.error());
    return subscriber ? std::move(*subscriber) : nullptr;
  }
  std::string durable_cursor(const std::string& name) {
    const auto view = runtime_->inspect({"subscriber", name});
    return view ? view->state.at("cursor").get<std::string>() : "";
  }
  bool all_is_durable(const std::string& name) {
    return eventually([&] { return durable_cursor(name) == runtime_->events_end().value(); });
  }
};

TEST_F(Subscribers, hear_each_event_once_in_order_across_restarts) {
  Heard heard;
  Amounts all;
  for (std::int64_t i = 1; i <= 10; ++i) all.push_back(i);
  for (std::int64_t i = 1; i <= 5; ++i) add(i % 2 == 0 ? "a" : "b", i);
  auto subscriber = subscribe({.name = "s", .batch_max = 2}, heard.handler());
  ASSERT_TRUE(all_is_durable("s"));
  subscriber.reset();
  restart();
  for (std::int64_t i = 6; i <= 10; ++i) add("a", i);
  subscriber = subscribe({.name = "s"}, heard.handler());
  EXPECT_TRUE(eventually([&] { return heard.amounts() == all; }));
  subscriber.reset();
  EXPECT_EQ(heard.amounts(), all);
}

/// Something that hears of each event at least once, and acts once.
class Mails {
 public:
  bool send(const std::string& id, const std::string&) {
    if (tries_++ < 3) return false;
    sent_.insert(id);
    return true;
  }
  [[nodiscard]] std::size_t sent() const { return sent_.size(); }

 private:
  int tries_ = 0;
  std::set<std::string> sent_;
};

TEST_F(Subscribers, go_on_when_what_they_need_is_there_again) {
  Mails mails;
  for (std::int64_t i = 1; i <= 5; ++i) add("a", i);
  // [mails]
  auto subscriber = runtime_->subscribe({.name = "mails", .topics = {"counter.*"}},
                                        [&](const EventBatch& batch) -> Result<void> {
                                          for (const auto& event : batch.events) {
                                            if (!mails.send(event->id, event->body))
                                              return fail(ErrorCode::unavailable, "later");
                                          }
                                          return {};
                                        });
  // [/mails]
  ASSERT_TRUE(subscriber);
  EXPECT_TRUE(all_is_durable("mails"));
  subscriber->reset();
  EXPECT_EQ(mails.sent(), 5U);
}

TEST_F(Subscribers, hear_a_batch_again_until_it_is_handled) {
  Heard heard;
  heard.refuse(3);
  const auto subscriber = subscribe({.name = "s"}, heard.handler());
  add("a", 1);
  add("a", 2);
  EXPECT_TRUE(eventually([&] { return heard.amounts() == (Amounts{1, 2}); }));
  EXPECT_TRUE(eventually([&] { return subscriber->state().failed == 0; }));
}

TEST_F(Subscribers, say_why_they_do_not_go_on) {
  const auto subscriber = subscribe(
      {.name = "s"}, [](const EventBatch&) -> Result<void> { throw std::runtime_error{"broken"}; });
  add("a", 1);
  EXPECT_TRUE(eventually([&] { return subscriber->state().failed >= 3; }));
  EXPECT_NE(subscriber->state().error.find("broken"), std::string::npos);
  EXPECT_EQ(durable_cursor("s"), "0");
}

TEST_F(Subscribers, hear_what_was_under_way_again_after_a_restart) {
  Heard first;
  first.refuse(1'000'000);
  add("a", 1);
  auto subscriber = subscribe({.name = "s"}, first.handler());
  EXPECT_TRUE(eventually([&] { return subscriber->state().failed > 0; }));
  subscriber.reset();
  restart();
  Heard second;
  subscriber = subscribe({.name = "s"}, second.handler());
  EXPECT_TRUE(eventually([&] { return second.amounts() == (Amounts{1}); }));
}

TEST_F(Subscribers, choose_topics_and_where_to_begin) {
  add("a", 1);
  Heard now;
  Heard other;
  const auto from_now = subscribe({.name = "now", .from = ""}, now.handler());
  const auto of_other = subscribe({.name = "other", .topics = {"other.*"}}, other.handler());
  EXPECT_TRUE(eventually([&] { return !from_now->state().cursor.empty(); }));
  add("a", 2);
  EXPECT_TRUE(eventually([&] { return now.amounts() == (Amounts{2}); }));
  EXPECT_TRUE(other.amounts().empty());
}

TEST_F(Subscribers, are_told_when_they_were_away_for_too_long) {
  add("a", 1);
  value(call("subscriber", "s", "$create",
             Json{{"state", {{"topics", Json::array()}, {"cursor", "0123456789abcdef-1"}}}}));
  Heard heard;
  const auto subscriber = subscribe({.name = "s"}, heard.handler());
  EXPECT_TRUE(eventually([&] { return heard.lost(); }));
  EXPECT_EQ(heard.amounts(), (Amounts{1}));
}

TEST_F(Subscribers, begin_anew_when_an_operator_removes_their_cursor) {
  add("a", 1);
  Heard heard;
  auto subscriber = subscribe({.name = "s"}, heard.handler());
  ASSERT_TRUE(all_is_durable("s"));
  subscriber.reset();
  value(call("subscriber", "s", "$remove", Json()));
  subscriber = subscribe({.name = "s"}, heard.handler());
  EXPECT_TRUE(eventually([&] { return heard.amounts() == (Amounts{1, 1}); }));
}

TEST_F(Subscribers, bear_one_name_each_and_say_what_is_wrong_with_them) {
  const auto handler = [](const EventBatch&) -> Result<void> { return {}; };
  auto first = subscribe({.name = "s"}, handler);
  EXPECT_EQ(runtime_->subscribe({.name = "s"}, handler).error().code, ErrorCode::conflict);
  first.reset();
  EXPECT_TRUE(runtime_->subscribe({.name = "s"}, handler));
  const auto field = [&](const SubscriberOptions& options) {
    const auto refused = runtime_->subscribe(options, handler);
    return refused || refused.error().fields.empty() ? "none" : refused.error().fields[0].pointer;
  };
  EXPECT_EQ(field({.name = ""}), "/name");
  EXPECT_EQ(field({.name = "t", .topics = {"a..b"}}), "/topics");
  EXPECT_EQ(field({.name = "t", .from = "nonsense"}), "/from");
  EXPECT_EQ(field({.name = "t", .batch_max = 0}), "/batch_max");
}

}  // namespace
}  // namespace perdure
