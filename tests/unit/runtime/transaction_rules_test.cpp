// SPDX-License-Identifier: Apache-2.0
// The steps of a transaction keep the rules that single calls keep, and see one another.
#include <future>

#include "fixture.hpp"

namespace perdure {
namespace {

/// Any JSON object: `parent` names the folder that it goes along with, `best` a friend.
Kind folder_kind() {
  return kind<Json>("folder")
      .command("make", [](Turn&, Json& self, const Json& state) { self = state; },
               {.creates = Creates::yes})
      .command("set", [](Turn&, Json& self, const Json& change) { merge_patch(self, change); })
      .reference({.field = "parent",
                  .kind = "folder",
                  .when_deleted = ReferenceDefinition::WhenDeleted::goes_along})
      .reference({.field = "best", .kind = "counter"});
}

class TransactionRules : public RuntimeTest {
 protected:
  TransactionRules()
      : RuntimeTest({counter_kind(), note_kind(), account_kind(), folder_kind()},
                    {.quotas = {.objects = 5}}) {}

  Result<Reply> transact(std::vector<TransactionStep> steps, TransactionOptions options = {}) {
    return reply_of([&](ReplyHandler done) {
      runtime_->transact(std::move(steps), std::move(options), std::move(done));
    });
  }
  Result<Reply> found(TransactionHandler handler, TransactionOptions options = {}) {
    return reply_of([&](ReplyHandler done) {
      runtime_->transact_found(std::move(handler), std::move(options), std::move(done));
    });
  }
  Result<Reply> reply_of(const std::function<void(ReplyHandler)>& begin) {
    std::promise<Result<Reply>> promise;
    begin([&](Result<Reply> reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }
  static TransactionStep make(const std::string& id, Json state = Json::object()) {
    return {.object = {"folder", id}, .command = "make", .payload = std::move(state)};
  }
  static TransactionStep remove(const std::string& id) {
    return {.object = {"folder", id}, .command = std::string{builtin::remove}};
  }
  static TransactionStep set(const std::string& id, Json change) {
    return {.object = {"folder", id}, .command = "set", .payload = std::move(change)};
  }
  static std::string rule(const Result<Reply>& reply) {
    return reply || reply.error().fields.empty() ? "" : reply.error().fields.front().code;
  }
  bool lives(const std::string& id) { return runtime_->exists({"folder", id}); }
};

TEST_F(TransactionRules, take_the_commands_that_every_kind_has) {
  const ObjectId note{"folder", "a"};
  value(transact({{note, std::string{builtin::create}, {{"state", {{"title", "A"}}}}},
                  {note, std::string{builtin::patch}, {{"title", "B"}}},
                  {note, std::string{builtin::pin}, {{"name", "b"}}},
                  {note, std::string{builtin::remove}},
                  {note, std::string{builtin::undelete}}}));
  EXPECT_EQ(runtime_->inspect(note)->state, Json({{"title", "B"}}));
  EXPECT_EQ(runtime_->inspect(note)->meta.seq, 4U);
  EXPECT_EQ(runtime_->snapshots(note)->size(), 1U);
}

TEST_F(TransactionRules, refuse_the_end_of_a_past) {
  value(transact({make("a"), remove("a")}));
  const ObjectId folder{"folder", "a"};
  EXPECT_EQ(code(transact({{folder, std::string{builtin::purge}}})), ErrorCode::invalid);
}

TEST_F(TransactionRules, expect_the_seq_that_the_steps_before_have_left) {
  const auto at = [](Seq seq) {
    auto step = set("a", {{"x", seq}});
    step.if_seq = seq;
    return step;
  };
  value(transact({make("a"), at(1), at(2)}));
  EXPECT_EQ(code(transact({at(3), at(3)})), ErrorCode::stale_precondition);
  EXPECT_EQ(runtime_->inspect({"folder", "a"})->meta.seq, 3U);
}

TEST_F(TransactionRules, let_a_step_refer_to_what_an_earlier_one_made) {
  value(transact({make("a"), make("b", {{"parent", "a"}})}));
  EXPECT_EQ(rule(transact({make("c", {{"parent", "d"}}), make("d")})), "unknown_reference");
}

TEST_F(TransactionRules, refuse_references_to_what_an_earlier_step_deleted) {
  value(transact({make("a")}));
  EXPECT_EQ(rule(transact({remove("a"), make("b", {{"parent", "a"}})})), "unknown_reference");
  EXPECT_TRUE(lives("a"));
}

TEST_F(TransactionRules, see_a_cycle_that_the_steps_close_together) {
  value(transact({make("a"), make("b")}));
  EXPECT_EQ(rule(transact({set("a", {{"parent", "b"}}), set("b", {{"parent", "a"}})})),
            "reference_cycle");
}

TEST_F(TransactionRules, delete_along_what_an_earlier_step_made_a_part) {
  value(transact({make("a"), make("b")}));
  value(transact({make("c", {{"parent", "a"}}), set("b", {{"parent", "a"}}), remove("a")}));
  EXPECT_TRUE(eventually([&] { return !lives("b") && !lives("c"); }));
}

TEST_F(TransactionRules, spare_what_an_earlier_step_took_away) {
  value(transact({make("a"), make("b", {{"parent", "a"}}), make("c", {{"parent", "a"}})}));
  value(transact({set("b", {{"parent", nullptr}}), remove("a")}));
  EXPECT_TRUE(eventually([&] { return !lives("c"); }));
  EXPECT_TRUE(lives("b"));
}

TEST_F(TransactionRules, refuse_a_taken_name_at_its_step_and_let_the_handler_go_on) {
  const auto name = [](const std::string& id, const std::string& email) {
    return TransactionStep{{"account", id}, "set", {{"email", email}}};
  };
  value(transact({name("a", "a@example.org")}));
  const auto reply = found([&](Transaction& transaction) -> Result<Json> {
    const auto taken = transaction.run(name("b", "A@example.org"));
    const auto moved = transaction.run(name("a", "b@example.org"));
    const auto free = transaction.run(name("b", "a@example.org"));
    return Json{rule(taken), moved.has_value(), free.has_value()};
  });
  EXPECT_EQ(value(reply), Json({"taken", true, true}));
  // Which was let go of and taken within it belongs to who has it now.
  EXPECT_EQ(rule(transact({name("c", "a@example.org")})), "taken");
  value(transact({name("b", "c@example.org")}));
  value(transact({name("c", "a@example.org")}));
}

TEST_F(TransactionRules, a_name_that_goes_through_two_hands_is_free_at_last) {
  const auto name = [](const std::string& id, const std::string& email) {
    return TransactionStep{{"account", id}, "set", {{"email", email}}};
  };
  value(transact({name("a", "x@example.org")}));
  value(transact(
      {name("a", "y@example.org"), name("b", "x@example.org"), name("b", "z@example.org")}));
  value(transact({name("c", "x@example.org")}));
}

TEST_F(TransactionRules, refuse_what_is_past_a_quota_at_its_step) {
  const auto reply = found(
      [&](Transaction& transaction) -> Result<Json> {
        for (int i = 0; i < 6; ++i) {
          const auto made = transaction.run(make(std::to_string(i)));
          if (!made) return Json{i, std::string{describe(made.error().code).name}};
        }
        return Json(nullptr);
      },
      {.principal = ann});
  EXPECT_EQ(value(reply), Json({5, "quota_exceeded"}));
  EXPECT_EQ(runtime_->count_objects("ann").value(), 5U);
}

TEST_F(TransactionRules, bound_what_the_steps_write_in_all) {
  const std::string text(200'000, 'x');
  const auto reply = found([&](Transaction& transaction) -> Result<Json> {
    value(transaction.run(make("a", {{"text", text}})));
    for (std::size_t i = 0;; ++i) {
      auto set_again = transaction.run(set("a", {{"n", i}}));
      if (!set_again) return fail(std::move(set_again).error());
    }
  });
  EXPECT_EQ(code(reply), ErrorCode::too_large);
  EXPECT_FALSE(lives("a"));
}

TEST_F(TransactionRules, hold_the_objects_that_the_handler_finds) {
  int rehearsals = 0;
  int runs = 0;
  const auto reply = found([&](Transaction& transaction) -> Result<Json> {
    ++(transaction.rehearses() ? rehearsals : runs);
    for (const auto* id : {"c", "a", "b"}) {
      PERDURE_TRY_VOID(transaction.call({"counter", id}, "add", {{"by", 1}}));
    }
    return transaction.left({"counter", "a"})->state;
  });
  EXPECT_EQ(value(reply), Json({{"value", 1}}));
  EXPECT_EQ(rehearsals, 1);
  EXPECT_EQ(runs, 1);
}

TEST_F(TransactionRules, find_objects_in_steps) {
  value(runtime_->object("counter", "first").call("add", Json{{"by", 3}}).get());
  const auto reply = found([&](Transaction& transaction) -> Result<Json> {
    // Where to go on is known only once the object before is held.
    PERDURE_TRY(at, transaction.call({"counter", "first"}, "add", {{"by", 1}}));
    if (transaction.rehearses()) return Json(nullptr);
    return transaction.call({"counter", "at " + dump_json(at)}, "add", {{"by", 1}});
  });
  EXPECT_EQ(value(reply), 1);
  EXPECT_TRUE(runtime_->exists({"counter", "at 4"}));
}

TEST_F(TransactionRules, give_up_where_each_run_calls_others) {
  int run = 0;
  const auto reply = found([&](Transaction& transaction) -> Result<Json> {
    return transaction.call({"counter", std::to_string(run++)}, "add", {{"by", 1}});
  });
  EXPECT_EQ(code(reply), ErrorCode::overloaded);
  EXPECT_FALSE(runtime_->exists({"counter", "0"}));
  value(runtime_->object("counter", "0").call("add", Json{{"by", 1}}).get());  // nobody holds it
}

TEST_F(TransactionRules, bound_the_objects_that_a_handler_finds) {
  const auto reply = found([&](Transaction& transaction) -> Result<Json> {
    for (int i = 0; i < 101; ++i) {
      PERDURE_TRY_VOID(transaction.reach({"counter", std::to_string(i)}));
    }
    return Json(nullptr);
  });
  EXPECT_EQ(code(reply), ErrorCode::invalid);
}

TEST_F(TransactionRules, lose_no_turn_of_others_between_finding_and_holding) {
  constexpr int rounds = 100;
  std::atomic<int> done{0};
  std::vector<Future<Reply>> calls;
  for (int i = 0; i < rounds; ++i) {
    runtime_->transact_found(
        [i](Transaction& transaction) -> Result<Json> {
          const auto one = i % 2 == 0 ? "a" : "b";
          const auto other = i % 2 == 0 ? "b" : "a";
          PERDURE_TRY_VOID(transaction.call({"counter", one}, "add", {{"by", 1}}));
          return transaction.call({"counter", other}, "add", {{"by", 1}});
        },
        {}, [&](const Result<Reply>& reply) { done += reply ? 1 : 0; });
    calls.push_back(runtime_->object("counter", "a").call("add", Json{{"by", 1}}));
  }
  for (auto& call : calls) value(call.get());
  EXPECT_TRUE(eventually([&] { return done == rounds; }));
  EXPECT_EQ(runtime_->inspect({"counter", "a"})->state, Json({{"value", 2 * rounds}}));
  EXPECT_EQ(runtime_->inspect({"counter", "b"})->state, Json({{"value", rounds}}));
}

TEST_F(TransactionRules, keep_the_reply_of_a_key_where_nothing_was_changed) {
  int runs = 0;
  const auto handler = [&](Transaction&) -> Result<Json> { return Json(++runs); };
  const TransactionOptions options{
      .principal = ann, .idempotency_key = "k", .idempotency_fingerprint = "f"};
  EXPECT_EQ(value(found(handler, options)), 1);
  restart();
  const auto again = found(handler, options);
  EXPECT_EQ(value(again), 1);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(runtime_->stored_reply(ann, "k", "f").value()->value, 1);
  EXPECT_EQ(runtime_->stored_reply(ann, "k", "g").error().code, ErrorCode::idempotency_key_reused);
  EXPECT_FALSE(runtime_->stored_reply(bob, "k", "f").value());
}

TEST_F(TransactionRules, run_the_handler_where_the_host_says_and_end_with_its_refusal) {
  std::thread::id here;
  std::thread thread;
  const auto reply = found(
      [&](Transaction& transaction) -> Result<Json> {
        here = std::this_thread::get_id();
        return transaction.call({"counter", "a"}, "add", {{"by", 1}});
      },
      {.run_on = [&](std::function<void()> work) -> Result<void> {
        if (thread.joinable()) thread.join();
        thread = std::thread{std::move(work)};
        return {};
      }});
  EXPECT_EQ(value(reply), 1);
  EXPECT_EQ(here, thread.get_id());
  thread.join();
  const auto refused = found([](Transaction&) -> Result<Json> { return Json(nullptr); },
                             {.run_on = [](const std::function<void()>&) -> Result<void> {
                               return fail(ErrorCode::overloaded, "no threads");
                             }});
  EXPECT_EQ(code(refused), ErrorCode::overloaded);
}

}  // namespace
}  // namespace perdure
