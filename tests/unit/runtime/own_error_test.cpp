// SPDX-License-Identifier: Apache-2.0
// Own errors of kinds: who gets them, and which are none.
#include "calls_fixture.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;

/// Asks a purse by a message, and keeps the answer.
Kind asker_kind() {
  return kind<Json>("asker")
      .command("ask",
               [](Turn& turn, Json&, const Json& count) {
                 auto message = message_to(purse, "a", take, {.count = count});
                 message.then = "hear";
                 turn.send(std::move(message));
               })
      .command("demand",
               [](Turn& turn, Json&, const Json& count) {
                 auto message = message_to(purse, "a", take, {.count = count});
                 message.retry.attempts = 1;
                 turn.send(std::move(message));
               })
      .command("hear", [](Turn&, Json& self, const Json& answer) { self = answer; },
               {.callers = Callers::messages})
      .query("answer", [](const Json& self) { return self; });
}

struct Wrong {
  std::string coins;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Wrong, coins)

Kind liar_kind() {
  return kind<Json>("liar")
      .error(too_few)
      .command("undeclared",
               [](Turn&, Json&) -> Result<void> {
                 return ErrorType<>{"nobody_knows", 409, "Nobody knows."}();
               })
      .command("other_members",
               [](Turn&, Json&) -> Result<void> {
                 return ErrorType<Wrong>{too_few.name, too_few.http_status,
                                         too_few.title}({.coins = "few"});
               })
      .command("other_status",
               [](Turn&, Json&) -> Result<void> {
                 return ErrorType<TooFew>{too_few.name, 410, too_few.title}({.coins = 1});
               })
      .error(ErrorType<Wrong>{"wordy", 409, "Many words."})
      .command("wordy",
               [](Turn&, Json&, const std::size_t& bytes) -> Result<void> {
                 return ErrorType<Wrong>{"wordy", 409,
                                         "Many words."}({.coins = std::string(bytes, 'x')});
               })
      .command("thrown", [](Turn&, Json&) { throw Failure{too_few({.coins = 2}).error}; })
      .query("asked", [](const Json&) -> Result<Json> { return too_few({.coins = 3}); })
      .query("undeclared_query", [](const Json&) -> Result<Json> {
        return ErrorType<>{"nobody_knows", 409, "Nobody knows."}();
      });
}

class OwnErrors : public CallsTest {
 protected:
  OwnErrors() : CallsTest({purse_kind(), asker_kind(), liar_kind()}) {}

  static Error error_of(const Result<Reply>& reply) {
    EXPECT_FALSE(reply);
    return reply ? Error{} : reply.error();
  }
};

TEST_F(OwnErrors, reach_the_caller_with_their_members) {
  const auto refused = purse_of("a").call(take, {.count = 5}).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(too_few.in(refused.error())->coins, 0);
  EXPECT_EQ(name_of(refused.error()), "too_few_coins");
  EXPECT_EQ(refused.error().code, ErrorCode::conflict) << "to who does not know the kind";
  EXPECT_EQ(to_string(refused.error()), "too_few_coins: There are too few coins.");
  EXPECT_FALSE(ErrorType<>("other", 409, "Other.").in(refused.error()));
  EXPECT_EQ(too_few.in(error_of(call("liar", "l", "thrown")))->coins, 2);
  EXPECT_EQ(too_few.in(error_of(ask("liar", "l", "asked")))->coins, 3);
}

TEST_F(OwnErrors, leave_no_trace_under_an_idempotency_key_and_are_shared_by_calls_that_wait) {
  hooks_.gate.close();
  auto held = purse_of("a").call(put, {.count = 1});
  auto first = purse_of("a").once("k").call(take, {.count = 5});
  auto second = purse_of("a").once("k").call(take, {.count = 5});
  hooks_.gate.open();
  EXPECT_EQ(too_few.in(first.get().error())->coins, 1);
  EXPECT_EQ(too_few.in(second.get().error())->coins, 1);
  EXPECT_TRUE(held.get());
  EXPECT_TRUE(purse_of("a").call(put, {.count = 5}).get());
  EXPECT_EQ(purse_of("a").once("k").call(take, {.count = 5}).get().value(), 1);
}

TEST_F(OwnErrors, are_the_answer_to_a_message) {
  value(call("asker", "x", "ask", 4));
  EXPECT_TRUE(eventually([&] { return !value(ask("asker", "x", "answer")).is_null(); }));
  const auto answer = value(ask("asker", "x", "answer"));
  EXPECT_EQ(answer.at("error").at("code"), "too_few_coins");
  EXPECT_EQ(answer.at("error").at("members"), Json({{"coins", 0}}));
  const auto error = error_from_json(answer.at("error"));
  EXPECT_EQ(too_few.in(error)->coins, 0);
  EXPECT_EQ(error_json(error), answer.at("error"));
}

TEST_F(OwnErrors, stand_in_a_dead_letter) {
  value(call("asker", "x", "demand", 4));
  ListPage letters;
  EXPECT_TRUE(eventually([&] {
    letters = runtime_->list({.kind = "dead_letter", .index = "created_at"}).value();
    return !letters.items.empty();
  }));
  const auto error = error_from_json(letters.items.at(0).state.at("error"));
  EXPECT_EQ(too_few.in(error)->coins, 0);
}

TEST_F(OwnErrors, that_are_not_declared_so_are_bugs_of_the_kind) {
  for (const auto* command : {"undeclared", "other_members", "other_status"}) {
    const auto error = error_of(call("liar", "l", command));
    EXPECT_EQ(error.code, ErrorCode::internal) << command;
    EXPECT_FALSE(error.own) << command;
    EXPECT_NE(error.detail.find("kind liar ended with the error"), std::string::npos)
        << error.detail;
  }
  EXPECT_EQ(error_of(ask("liar", "l", "undeclared_query")).code, ErrorCode::internal);
}

TEST_F(OwnErrors, with_members_past_their_bound_are_bugs_of_the_kind) {
  constexpr auto around = std::string_view{R"({"coins":""})"}.size();
  EXPECT_TRUE(error_of(call("liar", "l", "wordy", limits::own_error_bytes_max - around)).own);
  const auto error = error_of(call("liar", "l", "wordy", limits::own_error_bytes_max - around + 1));
  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_NE(error.detail.find("at most 8192"), std::string::npos) << error.detail;
}

TEST(OwnErrorsOfKinds, are_refused_at_the_start_when_clients_could_not_tell_them_apart) {
  const auto refusal = [](std::vector<Kind> kinds) {
    const auto opened = Runtime::open({.data_dir = "/nowhere/at/all"}, std::move(kinds));
    return opened ? std::string{} : opened.error().detail;
  };
  const auto with = [](const auto& error) -> Kind { return kind<Json>("k").error(error); };
  using E = ErrorType<>;
  EXPECT_NE(refusal({with(E{"Upper", 409, "x"})}).find("lower case"), std::string::npos);
  EXPECT_NE(refusal({with(E{"not_found", 404, "x"})}).find("code of Perdure's"), std::string::npos);
  EXPECT_NE(refusal({with(E{"last", 500, "x"})}).find("400 to 499"), std::string::npos);
  EXPECT_NE(refusal({with(E{"last", 401, "x"})}).find("without 401"), std::string::npos);
  EXPECT_NE(refusal({with(E{"last", 409, ""})}).find("title"), std::string::npos);
  EXPECT_NE(refusal({with(ErrorType<Json>{"last", 409, "x"})}).find("no JSON object"),
            std::string::npos);
  EXPECT_NE(
      refusal({with(E{"same", 409, "x"}), Kind{kind<Json>("other").error(E{"same", 410, "x"})}})
          .find("another one in another kind"),
      std::string::npos);
}

}  // namespace
}  // namespace perdure
