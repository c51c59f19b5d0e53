// SPDX-License-Identifier: Apache-2.0
// For whom a kind's commands and queries are: the table, and that every way in goes by it.
#include <array>
#include <map>

#include "fixture.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;
using Outcome = Verdict::Outcome;

constexpr std::array all_callers{Callers::by_grant, Callers::owner, Callers::administrators,
                                 Callers::anybody,  Callers::host,  Callers::messages};
const std::vector<ObjectGrant> grants{
    {Owner::user("editor"), ObjectGrant::Role::editor},
    {Owner::user("viewer"), ObjectGrant::Role::viewer},
};
const Owner of_ann = Owner::user("ann");

Principal user(std::string id) { return {.role = Principal::Role::user, .user_id = std::move(id)}; }

/// y: allowed, f: forbidden, h: hidden; a letter for each of all_callers.
std::string row(const Principal& who, Action action, Via via = Via::caller) {
  std::string letters;
  for (const auto callers : all_callers) {
    const auto verdict = permits(who, {.owner = of_ann, .grants = grants},
                                 Calling{.action = action, .callers = callers, .via = via});
    letters += verdict.allowed() ? 'y' : verdict.hidden() ? 'h' : 'f';
  }
  return letters;
}

TEST(CallersTable, is_as_the_header_has_it) {
  const Principal host{};
  EXPECT_EQ(row(host, Action::change, Via::object), "yyyyyy");
  EXPECT_EQ(row(user("stranger"), Action::change, Via::object), "yyyyyy");
  EXPECT_EQ(row(host, Action::change), "yyyyyf");
  EXPECT_EQ(row(root, Action::change), "yyyyff");
  EXPECT_EQ(row(user("ann"), Action::change), "yyfyff");
  EXPECT_EQ(row(user("editor"), Action::change), "yffyff");
  EXPECT_EQ(row(user("viewer"), Action::change), "fffyff");
  EXPECT_EQ(row(user("viewer"), Action::read), "yffyff");
  EXPECT_EQ(row(user("stranger"), Action::change), "hhhyhh");
  EXPECT_EQ(row(user("stranger"), Action::read), "hhhyhh");
}

std::string name_of(Callers callers) { return "c" + std::to_string(static_cast<int>(callers)); }

Kind door_kind() {
  auto builder = kind<Json>("door");
  for (const auto callers : all_callers) {
    std::move(builder).command(name_of(callers), [](Turn&, Json& self) { self["calls"] = 1; },
                               {.callers = callers});
    if (callers == Callers::messages) continue;
    std::move(builder).query("q" + name_of(callers), [](const Json&) { return 1; },
                             {.callers = callers});
  }
  std::move(builder).command("ask_all", [](Turn& turn, Json&) {
    for (const auto callers : all_callers) {
      turn.send({.to = {"door", "messaged"}, .command = name_of(callers)});
    }
    turn.set_alarm({.name = "soon",
                    .command = name_of(Callers::messages),
                    .schedule = Schedule::once(turn.now())});
  });
  return builder;
}

class CallersOfAKind : public RuntimeTest {
 protected:
  CallersOfAKind() : RuntimeTest({door_kind()}) {}

  char letter(const Result<Reply>& reply) {
    if (reply) return 'y';
    switch (reply.error().code) {
      case ErrorCode::forbidden: return 'f';
      case ErrorCode::not_found: return 'h';
      default: return '?';
    }
  }
  std::string commands(const Principal& who, const std::string& id) {
    std::string letters;
    for (const auto callers : all_callers)
      letters += letter(run(who, {"door", id}, name_of(callers)));
    return letters;
  }
  std::string queries(const Principal& who, const std::string& id) {
    std::string letters;
    for (const auto callers : all_callers) {
      if (callers == Callers::messages) continue;
      letters += letter(runtime_
                            ->call({.target = {"door", id},
                                    .type = CallType::query,
                                    .name = "q" + name_of(callers),
                                    .principal = who})
                            .get());
    }
    return letters;
  }
  std::string steps(const Principal& who, const std::string& id) {
    std::string letters;
    for (const auto callers : all_callers) {
      letters += letter(runtime_
                            ->transact(std::vector<TransactionStep>{{.object = {"door", id},
                                                                     .command = name_of(callers)}},
                                       {.principal = who})
                            .get());
    }
    return letters;
  }
  std::string alarms(const Principal& who, const std::string& id) {
    std::string letters;
    for (const auto callers : all_callers) {
      letters +=
          letter(run(who, {"door", id}, builtin::set_alarm,
                     {{"name", "a"}, {"command", name_of(callers)}, {"after_ms", 3'600'000}}));
    }
    return letters;
  }
};

TEST_F(CallersOfAKind, are_the_same_by_every_way_in) {
  value(run(ann, {"door", "a"}, name_of(Callers::by_grant)));
  value(run(ann, {"door", "a"}, builtin::share,
            {{"grantee", {{"user_id", "bob"}}}, {"role", "editor"}}));
  const Principal eve{.role = Principal::Role::user, .user_id = "eve"};
  const std::vector<std::pair<Principal, std::string>> rows{
      {Principal{}, "yyyyyf"}, {root, "yyyyff"}, {ann, "yyfyff"}, {bob, "yffyff"}, {eve, "hhhyhh"}};
  for (const auto& [who, expected] : rows) {
    EXPECT_EQ(commands(who, "a"), expected) << who.user_id;
    EXPECT_EQ(queries(who, "a"), expected.substr(0, 5)) << who.user_id;
    EXPECT_EQ(steps(who, "a"), expected) << who.user_id;
  }
  EXPECT_EQ(alarms(Principal{}, "a"), "yyyyyf");
  EXPECT_EQ(alarms(ann, "a"), "yyfyff");
  EXPECT_EQ(alarms(bob, "a"), "yffyff");
  EXPECT_EQ(alarms(eve, "a"), "hhhhhh");
}

TEST_F(CallersOfAKind, hold_for_objects_that_nobody_has_made_yet) {
  const auto first = [&](const Principal& who, Callers callers) {
    return letter(run(who, {"door", who.user_id + name_of(callers)}, name_of(callers)));
  };
  EXPECT_EQ(first(ann, Callers::owner), 'y');
  EXPECT_EQ(first(ann, Callers::administrators), 'f');
  EXPECT_EQ(first(ann, Callers::host), 'f');
  EXPECT_EQ(first(ann, Callers::messages), 'f');
  EXPECT_EQ(first(root, Callers::administrators), 'y');
  EXPECT_EQ(first(Principal{}, Callers::host), 'y');
  EXPECT_EQ(alarms(ann, "new"), "yyfyff");
}

TEST_F(CallersOfAKind, do_not_bind_messages_and_alarms_of_objects) {
  value(run(ann, {"door", "asks"}, "ask_all"));
  const auto seq_of = [&](const std::string& id) {
    const auto seen = runtime_->inspect({"door", id});
    return seen ? seen->meta.seq : 0;
  };
  EXPECT_TRUE(eventually([&] { return seq_of("messaged") == all_callers.size(); }));
  EXPECT_TRUE(eventually([&] { return seq_of("asks") == 2; }));
}

TEST(CallersOfQueries, are_never_messages) {
  const auto opened = Runtime::open(
      {.data_dir = "/nowhere/at/all"},
      {kind<Json>("k").query("q", [](const Json&) { return 1; }, {.callers = Callers::messages})});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail, "kind k: q is a query: no message asks it");
}

}  // namespace
}  // namespace perdure
