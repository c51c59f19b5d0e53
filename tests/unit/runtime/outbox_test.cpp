// SPDX-License-Identifier: Apache-2.0
// Promise 6 on a real data directory: messages take effect exactly once, in order per pair; and
// effects, whose results come back as turns.
#include <thread>

#include "fixture.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;

struct Friend {
  std::vector<Json> heard;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Friend, heard)

std::atomic<int> refusals{0};

Kind friend_kind() {
  return kind<Friend>("friend")
      .command("greet",
               [](Turn& turn, Friend&, const Json& to) {
                 for (int i = 0; i < 3; ++i) {
                   turn.send({.to = {"friend", to}, .command = "hear", .payload = i});
                 }
               })
      .command("hear",
               [](Turn&, Friend& self, const Json& what) {
                 self.heard.push_back(what);
                 return self.heard.size();
               })
      .command("refuse",
               [](Turn&, Friend&, const Json&) -> Result<void> {
                 ++refusals;
                 return fail(ErrorCode::conflict, "I will not");
               })
      .command("send",
               [](Turn& turn, Friend&, const Json& message) {
                 turn.send({.to = {"friend", message.at("to")},
                            .command = message.at("command"),
                            .payload = message.value("payload", Json(nullptr)),
                            .then = message.value("then", ""),
                            .context = message.value("context", Json(nullptr)),
                            .retry = {.attempts = 3, .backoff = 5ms},
                            .owner = message.contains("owner")
                                         ? std::optional<std::string>{message["owner"]}
                                         : std::nullopt});
               })
      .command("send_then_refuse",
               [](Turn& turn, Friend&, const Json& to) -> Result<void> {
                 turn.send({.to = {"friend", to}, .command = "hear", .payload = "never"});
                 return fail(ErrorCode::conflict, "refused");
               })
      .command("request",
               [](Turn& turn, Friend&, const Json& effect) {
                 return turn.request({.performer = effect.at("performer"),
                                      .payload = effect.value("payload", Json(nullptr)),
                                      .then = effect.value("then", "hear"),
                                      .context = "ctx",
                                      .retry = {.attempts = 3, .backoff = 5ms},
                                      .timeout = Milliseconds{effect.value("timeout_ms", 0)}});
               })
      .command("cancel",
               [](Turn& turn, Friend&, const Json& id) { turn.cancel(id.get<std::string>()); })
      .query("heard", [](const Friend& self) { return self.heard; });
}

class Outbox : public RuntimeTest {
 protected:
  explicit Outbox(RuntimeOptions options = {}) : RuntimeTest({friend_kind()}, std::move(options)) {
    refusals = 0;
  }

  Json heard(const std::string& id) { return value(ask("friend", id, "heard")); }
  std::vector<ObjectView> letters() {
    return runtime_->list({.kind = "dead_letter", .index = "created_at"}).value().items;
  }
};

TEST_F(Outbox, what_would_fit_into_no_dead_letter_is_refused) {
  const std::string large(limits::sent_payload_bytes_max, 'x');
  const Json message{{"to", "b"}, {"command", "hear"}, {"payload", large}};
  EXPECT_EQ(code(call("friend", "a", "send", message)), ErrorCode::too_large);
  EXPECT_EQ(code(call("friend", "a", "request", Json{{"performer", "p"}, {"payload", large}})),
            ErrorCode::too_large);
}

TEST_F(Outbox, messages_arrive_once_and_in_order) {
  value(call("friend", "a", "greet", "b"));
  value(call("friend", "a", "greet", "b"));
  ASSERT_TRUE(eventually([&] { return heard("b").size() >= 6; }));
  EXPECT_EQ(heard("b"), Json({0, 1, 2, 0, 1, 2}));
  EXPECT_TRUE(eventually([&] { return runtime_->outbox(0, 10).empty(); }));
}

TEST_F(Outbox, a_message_may_say_who_owns_what_it_creates) {
  const Principal ann{.role = Principal::Role::user, .user_id = "ann"};
  const auto send = [&](Json message) {
    message["command"] = "hear";
    EXPECT_TRUE(runtime_
                    ->call({.target = {"friend", "a"},
                            .name = "send",
                            .payload = std::move(message),
                            .principal = ann})
                    .get());
  };
  send({{"to", "hers"}});
  send({{"to", "hosts"}, {"owner", ""}});
  // Neither has a payload: an absent one is an empty one.
  ASSERT_TRUE(eventually([&] { return heard("hers").size() == 1; }));
  EXPECT_EQ(heard("hers"), Json::array({Json::object()}));
  ASSERT_TRUE(eventually([&] {
    return runtime_->inspect({"friend", "hers"}) && runtime_->inspect({"friend", "hosts"});
  }));
  EXPECT_EQ(runtime_->inspect({"friend", "hers"})->meta.origin->owner.text(), "ann");
  EXPECT_EQ(runtime_->inspect({"friend", "hosts"})->meta.origin->owner.text(), "");
}

TEST_F(Outbox, a_message_may_remove_and_purge) {
  value(call("friend", "b", "hear", 1));
  for (const auto* command : {"$remove", "$purge"}) {
    value(call("friend", "a", "send", Json{{"to", "b"}, {"command", command}}));
  }
  ASSERT_TRUE(eventually([&] {
    const auto last = runtime_->journal({"friend", "b"}, 1, 1'000, Order::descending, 1);
    return last && !last->empty() && last->front().command == "$purge";
  }));
  EXPECT_TRUE(eventually([&] { return runtime_->outbox(0, 10).empty(); }));
  EXPECT_TRUE(letters().empty());
}

TEST_F(Outbox, a_refused_turn_sends_nothing) {
  EXPECT_EQ(code(call("friend", "a", "send_then_refuse", "b")), ErrorCode::conflict);
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(runtime_->outbox(0, 10).empty());
  EXPECT_EQ(heard("b"), Json::array());
}

TEST_F(Outbox, who_asks_gets_the_answer) {
  value(call(
      "friend", "a", "send",
      Json{{"to", "b"}, {"command", "hear"}, {"payload", "hi"}, {"then", "hear"}, {"context", 7}}));
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(heard("a")[0], Json({{"context", 7}, {"reply", 1}}));
}

TEST_F(Outbox, who_asks_is_told_of_a_refusal_at_once) {
  value(call("friend", "a", "send",
             Json{{"to", "b"}, {"command", "refuse"}, {"then", "hear"}, {"context", 7}}));
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(heard("a")[0].at("error").at("code"), "conflict");
  EXPECT_EQ(heard("a")[0].at("error").at("detail"), "I will not");
  EXPECT_EQ(refusals, 1);
}

TEST_F(Outbox, two_objects_that_ask_each_other_do_not_deadlock) {
  for (const auto* from : {"a", "b"}) {
    value(call("friend", from, "send",
               Json{{"to", *from == 'a' ? "b" : "a"}, {"command", "hear"}, {"then", "hear"}}));
  }
  EXPECT_TRUE(eventually([&] { return heard("a").size() == 2 && heard("b").size() == 2; }));
}

TEST_F(Outbox, a_message_that_is_always_refused_becomes_a_dead_letter_and_the_pair_goes_on) {
  value(call("friend", "a", "send", Json{{"to", "b"}, {"command", "refuse"}}));
  value(call("friend", "a", "send", Json{{"to", "b"}, {"command", "hear"}, {"payload", "after"}}));
  value(call("friend", "a", "send", Json{{"to", "c"}, {"command", "hear"}, {"payload", "other"}}));
  ASSERT_TRUE(eventually([&] { return heard("b").size() == 1; }));
  EXPECT_EQ(heard("c"), Json({"other"}));
  EXPECT_EQ(refusals, 3);
  ASSERT_EQ(letters().size(), 1U);
  EXPECT_EQ(letters()[0].state.at("to"), "friend:b");
  EXPECT_EQ(letters()[0].state.at("error").at("code"), "conflict");
}

TEST_F(Outbox, messages_to_nobody_are_dead_letters) {
  value(call("friend", "a", "send", Json{{"to", "b"}, {"command", "no_such_command"}}));
  EXPECT_TRUE(eventually([&] { return letters().size() == 1; }));
}

class DeadLetters : public Outbox {
 protected:
  DeadLetters() : Outbox({.quotas = {.dead_letters = 3}}) {}

  void fail_as(const Principal& who, int number) {
    value(runtime_
              ->call({.target = {"friend", who.user_id},
                      .name = "send",
                      .payload = {{"to", who.user_id},
                                  {"command", "no_such_command"},
                                  {"payload", number}},
                      .principal = who})
              .get());
  }
  /// What the letters of an owner hold, in the order of time.
  std::vector<int> held(const std::string& owner) {
    std::vector<int> numbers;
    for (const auto& letter : letters()) {
      if (letter.meta.origin->owner.text() == owner) numbers.push_back(letter.state["payload"]);
    }
    return numbers;
  }
  std::uint64_t count(const std::string& owner) {
    return runtime_->count_objects(owner, "dead_letter").value();
  }
};

TEST_F(DeadLetters, of_an_owner_are_the_newest_ones) {
  fail_as(bob, 0);
  // One after another: those that come together are in no order.
  for (int i = 1; i <= 8; ++i) {
    fail_as(ann, i);
    ASSERT_TRUE(eventually([&] {
      const auto numbers = held("ann");
      return !numbers.empty() && numbers.back() == i;
    })) << i;
  }
  EXPECT_TRUE(eventually([&] { return held("ann") == std::vector{6, 7, 8}; }));
  EXPECT_TRUE(eventually([&] { return count("ann") == 3; })) << "they are purged";
  EXPECT_EQ(held("bob"), std::vector{0});
  restart();
  EXPECT_EQ(held("ann"), (std::vector{6, 7, 8}));
}

TEST_F(DeadLetters, that_are_too_many_when_it_starts_go_as_well) {
  runtime_.reset();
  wanted_.quotas.dead_letters = 100;
  open();
  for (int i = 1; i <= 8; ++i) fail_as(ann, i);
  ASSERT_TRUE(eventually([&] { return count("ann") == 8; }));
  runtime_.reset();
  wanted_.quotas.dead_letters = 3;
  open();
  EXPECT_TRUE(eventually([&] { return count("ann") == 3; }));
}

TEST_F(Outbox, an_effect_is_performed_and_its_result_is_a_turn) {
  runtime_->set_performer("double", [](const std::shared_ptr<Effect>& effect) {
    effect->finish(effect->payload().get<int>() * 2);
  });
  value(call("friend", "a", "request", Json{{"performer", "double"}, {"payload", 21}}));
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(heard("a")[0], Json({{"context", "ctx"}, {"reply", 42}}));
  EXPECT_TRUE(eventually([&] { return runtime_->outbox(0, 10).empty(); }));
}

TEST_F(Outbox, an_effect_waits_for_its_performer_and_survives_a_restart) {
  value(call("friend", "a", "request", Json{{"performer", "late"}}));
  restart();
  EXPECT_TRUE(eventually([&] { return runtime_->outbox(0, 10).size() == 1; }));
  runtime_->set_performer("late",
                          [](const std::shared_ptr<Effect>& effect) { effect->finish("done"); });
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(heard("a")[0].at("reply"), "done");
}

TEST_F(Outbox, a_failing_effect_is_tried_again_and_then_answered_with_its_error) {
  std::atomic<int> attempts{0};
  runtime_->set_performer("broken", [&](const std::shared_ptr<Effect>& effect) {
    ++attempts;
    effect->finish(fail(ErrorCode::unavailable, "nobody home"));
  });
  value(call("friend", "a", "request", Json{{"performer", "broken"}}));
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(heard("a")[0].at("error").at("code"), "unavailable");
}

TEST_F(Outbox, a_failing_effect_is_not_tried_again_before_its_performer_wants_it) {
  std::atomic<int> attempts{0};
  runtime_->set_performer("busy", [&](const std::shared_ptr<Effect>& effect) {
    if (++attempts == 2) return effect->finish("done");
    Error error{.code = ErrorCode::unavailable, .detail = "come again in a second"};
    error.retry_after = 1s;
    effect->finish(fail(std::move(error)));
  });
  const auto before = std::chrono::steady_clock::now();
  value(call("friend", "a", "request", Json{{"performer", "busy"}}));
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 1s);
}

TEST_F(Outbox, a_performer_that_is_full_makes_no_attempt) {
  std::atomic<int> asked{0};
  runtime_->set_performer("post", [&](const std::shared_ptr<Effect>& effect) {
    Error full{.code = ErrorCode::overloaded, .detail = "full"};
    full.retry_after = std::chrono::seconds{0};
    EXPECT_EQ(effect->attempt(), 1);
    // More often than there are attempts.
    if (++asked <= 10) return effect->finish(fail(std::move(full)));
    effect->finish(Json("done"));
  });
  value(call("friend", "a", "request", Json{{"performer", "post"}}));
  EXPECT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(asked, 11);
}

TEST_F(Outbox, a_dropped_effect_counts_as_a_failed_attempt) {
  std::atomic<int> attempts{0};
  runtime_->set_performer("forgetful", [&](const std::shared_ptr<Effect>&) { ++attempts; });
  value(call("friend", "a", "request", Json{{"performer", "forgetful"}, {"timeout_ms", 20}}));
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(attempts, 3);
}

TEST_F(Outbox, an_effect_can_be_cancelled) {
  std::shared_ptr<Effect> held;
  std::mutex mutex;
  runtime_->set_performer("slow", [&](const std::shared_ptr<Effect>& effect) {
    const std::scoped_lock lock{mutex};
    held = effect;
  });
  const auto id = value(call("friend", "a", "request", Json{{"performer", "slow"}}));
  ASSERT_TRUE(eventually([&] {
    const std::scoped_lock lock{mutex};
    return held != nullptr;
  }));
  value(call("friend", "a", "cancel", id));
  ASSERT_TRUE(eventually([&] { return heard("a").size() == 1; }));
  EXPECT_EQ(heard("a")[0].at("error").at("detail"), "cancelled");
  EXPECT_TRUE(held->cancelled());
  held->finish("too late");
  EXPECT_TRUE(eventually([&] { return runtime_->outbox(0, 10).empty(); }));
  EXPECT_EQ(heard("a").size(), 1U);
}

TEST_F(Outbox, a_performer_runs_as_many_as_it_may) {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::mutex mutex;
  std::vector<std::shared_ptr<Effect>> held;
  runtime_->set_performer(
      "narrow",
      [&](const std::shared_ptr<Effect>& effect) {
        most = std::max(most.load(), ++running);
        const std::scoped_lock lock{mutex};
        held.push_back(effect);
      },
      2);
  for (int i = 0; i < 5; ++i) value(call("friend", "a", "request", Json{{"performer", "narrow"}}));
  EXPECT_TRUE(eventually([&] {
    std::vector<std::shared_ptr<Effect>> done;
    {
      const std::scoped_lock lock{mutex};
      done.swap(held);
    }
    for (const auto& effect : done) {
      --running;
      effect->finish("done");
    }
    return heard("a").size() == 5;
  }));
  EXPECT_LE(most, 2);
}

}  // namespace
}  // namespace perdure
