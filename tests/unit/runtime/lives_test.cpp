// SPDX-License-Identifier: Apache-2.0
// Nothing that one life of an object has asked for acts in the next one, whichever way that begins.
#include <functional>
#include <future>

#include "fixture.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;

/// What has come to a phoenix in its present life.
struct Phoenix {
  std::vector<Json> heard;
  std::string name;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Phoenix, heard, name)

const ObjectId phoenix{"phoenix", "p"};
std::atomic<bool> refuses{false};
std::atomic<int> refused{0};

Result<void> hear(Turn&, Phoenix& self, const Json& what) {
  if (refuses) {
    ++refused;
    return fail(ErrorCode::conflict, "not now");
  }
  self.heard.push_back(what);
  return {};
}

Kind phoenix_kind() {
  return kind<Phoenix>("phoenix")
      .command("begin", [](Turn&, Phoenix&) {}, {.creates = Creates::yes})
      .command("hear", hear)
      .command("set",
               [](Turn& turn, Phoenix&, const Json& alarm) {
                 turn.set_alarm(parse_alarm_spec(alarm, turn.now()).value());
               })
      .command("begin_with_alarm",
               [](Turn& turn, Phoenix&, const Json& alarm) {
                 const bool seen = turn.alarm("old").has_value() || turn.cancel_alarm("old");
                 turn.set_alarm(parse_alarm_spec(alarm, turn.now()).value());
                 return seen;
               },
               {.creates = Creates::yes})
      .command("send",
               [](Turn& turn, Phoenix&, const Json& to) {
                 turn.send({.to = {"phoenix", to},
                            .command = "hear",
                            .payload = "a message",
                            .retry = {.attempts = 2, .backoff = 20ms}});
               })
      .command("ask",
               [](Turn& turn, Phoenix&, const Json& command) {
                 turn.request({.performer = "slow", .payload = command, .then = "hear"});
               })
      .command("claim",
               [](Turn& turn, Phoenix& self, const std::string& name) {
                 turn.claim("phoenix.name", name);
                 self.name = name;
               })
      .on_purge([](Turn& turn, const Phoenix& self) {
        if (!self.name.empty()) turn.release("phoenix.name", self.name);
      });
}

class Lives : public RuntimeTest {
 protected:
  Lives() : RuntimeTest({phoenix_kind()}) {
    refuses = false;
    refused = 0;
  }

  Result<Reply> builtin(std::string_view name, const Json& payload = nullptr) {
    return call("phoenix", "p", std::string{name}, payload);
  }
  Json heard() { return runtime_->inspect(phoenix).value().state.at("heard"); }
  bool outbox_is_empty() { return runtime_->outbox(0, 1).empty(); }
  std::vector<ObjectView> letters() {
    return runtime_->list({.kind = "dead_letter", .index = "created_at"}).value().items;
  }
  static Result<Reply> wait_for(const std::function<void(ReplyHandler)>& begin) {
    std::promise<Result<Reply>> done;
    begin([&](Result<Reply> reply) { done.set_value(std::move(reply)); });
    return done.get_future().get();
  }
  /// The ways into a new life, from an object that is deleted.
  [[nodiscard]] std::map<std::string, std::function<void()>> ways() {
    return {
        {"create", [this] { value(builtin(builtin::create)); }},
        {"a command that creates", [this] { value(call("phoenix", "p", "begin")); }},
        {"a purge, and create",
         [this] {
           value(builtin(builtin::purge));
           value(builtin(builtin::create));
         }},
        {"import",
         [this] {
           std::string file;
           ASSERT_TRUE(runtime_->export_object({"phoenix", "model"}, {},
                                               [&](std::string_view line) { file += line; }));
           value(wait_for([&](ReplyHandler done) {
             runtime_->import_object({.target = phoenix}, file, std::move(done));
           }));
         }},
        {"clone", [this] {
           value(wait_for([&](ReplyHandler done) {
             runtime_->clone_object({"phoenix", "model"}, {}, {.target = phoenix}, std::move(done));
           }));
         }}};
  }
  void begin_first_life() {
    value(call("phoenix", "model", "begin"));
    value(call("phoenix", "p", "begin"));
  }
  void begin_next_life() {
    value(builtin(builtin::remove));
    value(builtin(builtin::create));
  }
};

TEST_F(Lives, begin_without_the_alarms_of_the_one_before) {
  begin_first_life();
  for (const auto& [name, begin] : ways()) {
    SCOPED_TRACE(name);
    value(call("phoenix", "p", "set",
               {{"name", "old"}, {"command", "hear"}, {"payload", "old"}, {"after_ms", 50}}));
    value(builtin(builtin::remove));
    begin();
    EXPECT_TRUE(runtime_->alarms(phoenix).value().empty());
    value(call("phoenix", "p", "set",
               {{"name", "new"}, {"command", "hear"}, {"payload", "new"}, {"after_ms", 100}}));
    ASSERT_TRUE(eventually([&] { return !heard().empty(); }));
    EXPECT_EQ(heard(), Json::array({"new"}));
  }
}

TEST_F(Lives, begin_with_the_alarms_that_their_first_turn_sets_and_no_others) {
  begin_first_life();
  for (const auto* name : {"old", "older"}) {
    value(call("phoenix", "p", "set",
               {{"name", name}, {"command", "hear"}, {"payload", "old"}, {"after_ms", 60'000}}));
  }
  value(builtin(builtin::remove));
  const auto saw =
      value(call("phoenix", "p", "begin_with_alarm",
                 {{"name", "old"}, {"command", "hear"}, {"payload", "new"}, {"after_ms", 60'000}}));
  EXPECT_EQ(saw, false) << "an alarm of the life before was seen";
  const auto alarms = runtime_->alarms(phoenix).value();
  ASSERT_EQ(alarms.size(), 1U);
  EXPECT_EQ(alarms[0].spec.payload, "new");
}

TEST_F(Lives, keep_their_alarms_when_a_seq_of_theirs_is_restored_and_when_they_are_brought_back) {
  begin_first_life();
  value(call("phoenix", "p", "set",
             {{"name", "a"}, {"command", "hear"}, {"payload", "x"}, {"after_ms", 60'000}}));
  value(builtin(builtin::restore, {{"seq", 1}}));
  EXPECT_EQ(runtime_->alarms(phoenix).value().size(), 1U);
  value(builtin(builtin::remove));
  value(builtin(builtin::undelete));
  EXPECT_EQ(runtime_->alarms(phoenix).value().size(), 1U);
}

TEST_F(Lives, take_along_alarms_that_are_not_durable_yet) {
  begin_first_life();
  for (int i = 0; i < 20; ++i) {
    std::vector<Future<Reply>> replies;
    const auto send = [&](std::string_view command, const Json& payload = nullptr) {
      replies.push_back(runtime_->object("phoenix", "p").call(std::string{command}, payload));
    };
    send("set", {{"name", "old"}, {"command", "hear"}, {"payload", "x"}, {"after_ms", 60'000}});
    send(builtin::remove);
    if (i % 2 == 0) send(builtin::purge);
    send(builtin::create);
    for (auto& reply : replies) value(reply.get());
    EXPECT_TRUE(runtime_->alarms(phoenix).value().empty());
  }
}

TEST_F(Lives, are_no_business_of_a_dead_alarm_of_the_one_before) {
  begin_first_life();
  refuses = true;
  value(call("phoenix", "p", "set",
             {{"name", "a"},
              {"command", "hear"},
              {"payload", "old"},
              {"after_ms", 1},
              {"retry", {{"attempts", 1}}}}));
  ASSERT_TRUE(eventually([&] { return letters().size() == 1; }));
  refuses = false;
  begin_next_life();
  const auto letter = letters().front();
  EXPECT_EQ(letter.state.at("life"), 1);
  value(call("dead_letter", letter.meta.object().id, "retry"));
  ASSERT_TRUE(eventually([&] { return outbox_is_empty(); }));
  EXPECT_EQ(heard(), Json::array());
  EXPECT_EQ(letters().size(), 1U);
}

TEST_F(Lives, are_no_business_of_a_dead_message_to_the_one_before) {
  begin_first_life();
  refuses = true;
  value(call("phoenix", "model", "send", "p"));
  ASSERT_TRUE(eventually([&] { return letters().size() == 1; }));
  refuses = false;
  begin_next_life();
  value(call("dead_letter", letters().front().meta.object().id, "retry"));
  ASSERT_TRUE(eventually([&] { return outbox_is_empty(); }));
  EXPECT_EQ(heard(), Json::array());
}

TEST_F(Lives, get_a_dead_letter_of_their_own_driven_again) {
  begin_first_life();
  refuses = true;
  value(call("phoenix", "model", "send", "p"));
  ASSERT_TRUE(eventually([&] { return letters().size() == 1; }));
  refuses = false;
  value(builtin(builtin::remove));
  value(builtin(builtin::undelete));
  value(call("dead_letter", letters().front().meta.object().id, "retry"));
  EXPECT_TRUE(eventually([&] { return heard() == Json::array({"a message"}); }));
}

TEST_F(Lives, hear_nothing_of_effects_that_the_one_before_asked_for) {
  std::promise<std::shared_ptr<Effect>> begun;
  runtime_->set_performer(
      "slow", [&](std::shared_ptr<Effect> effect) { begun.set_value(std::move(effect)); });
  begin_first_life();
  value(call("phoenix", "p", "ask"));
  auto effect = begun.get_future().get();
  begin_next_life();
  effect->tell("hear", "told");
  effect->finish(Json("done"));
  effect.reset();
  ASSERT_TRUE(eventually([&] { return outbox_is_empty(); }));
  EXPECT_EQ(heard(), Json::array());
  EXPECT_TRUE(letters().empty());
}

TEST_F(Lives, hear_nothing_of_what_the_one_before_sent_to_itself) {
  begin_first_life();
  refuses = true;
  value(call("phoenix", "p", "send", "p"));
  ASSERT_TRUE(eventually([&] { return refused > 0; }));
  begin_next_life();
  refuses = false;
  ASSERT_TRUE(eventually([&] { return outbox_is_empty(); }));
  EXPECT_EQ(heard(), Json::array());
}

TEST_F(Lives, have_all_snapshots_that_an_object_may_have) {
  begin_first_life();
  for (std::size_t i = 0; i < limits::object_pins_max; ++i) {
    value(call("phoenix", "p", "hear", i));
    value(builtin(builtin::pin));
  }
  begin_next_life();
  EXPECT_TRUE(runtime_->snapshots(phoenix).value().empty());
  value(builtin(builtin::pin, {{"name", "of the new life"}}));
}

TEST_F(Lives, find_the_claims_of_the_one_before_released) {
  begin_first_life();
  value(call("phoenix", "p", "claim", "fire"));
  begin_next_life();
  value(call("phoenix", "p", "claim", "fire"));
  EXPECT_EQ(runtime_->holder("phoenix.name", "fire").value(), phoenix);
}

TEST_F(Lives, follow_each_other_in_one_journal_that_tells_them_apart) {
  begin_first_life();
  value(call("phoenix", "p", "hear", "first"));
  begin_next_life();
  const auto records = runtime_->journal(phoenix, 1, 1'000, Order::ascending, 10).value();
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[1].born_seq, 1U);
  EXPECT_EQ(records[3].born_seq, 4U);
  EXPECT_EQ(records[3].previous_hash, records[2].hash);
}

TEST_F(Lives, are_told_apart_by_a_call_that_is_for_one_of_them) {
  begin_first_life();
  const auto say = [&](Seq life) {
    return runtime_->call({.target = phoenix, .name = "hear", .payload = 1, .life = life}).get();
  };
  value(say(1));
  begin_next_life();
  EXPECT_EQ(code(say(1)), ErrorCode::not_found);
  value(say(runtime_->inspect(phoenix)->meta.origin->born_seq));
  value(say(0));
  EXPECT_EQ(heard().size(), 2U);
}

}  // namespace
}  // namespace perdure
