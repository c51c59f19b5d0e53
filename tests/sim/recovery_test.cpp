// SPDX-License-Identifier: Apache-2.0
// Stories of refused turns, told step by step: everybody is answered, and nothing is half done.
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure::sim {
namespace {

using perdure::testing::World;

struct Name {
  std::string name;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Name, name)

std::vector<Kind> named_kinds() {
  return {kind<Name>("named")
              .command("rename",
                       [](Turn& turn, Name& self, const std::string& name) {
                         turn.claim("name", name);
                         self.name = name;
                         return self.name;
                       })
              .command("decorate",
                       [](Turn&, Name& self) {
                         self.name += "!";
                         return self.name;
                       })
              .query("name", [](const View&, const Name& self) { return self.name; })};
}

class Recovery : public ::testing::Test {
 protected:
  using Answer = perdure::testing::Answer;

  Answer send(Call call) { return world_.send(std::move(call)); }
  Answer command(const std::string& id, const std::string& name, const Json& payload = nullptr) {
    return send({.target = {"named", id}, .name = name, .payload = payload});
  }
  Answer ask(const std::string& id) {
    return send({.target = {"named", id}, .type = CallType::query, .name = "name"});
  }
  void settle() {
    do {
      world_.run_actors();
    } while (world_.commit(1'000));
    world_.run_actors();
  }
  static std::string value(const Answer& answer) {
    if (!*answer) return "unanswered";
    return **answer ? (**answer)->value.dump() : to_string((*answer)->error());
  }
  static ErrorCode code(const Answer& answer) {
    EXPECT_TRUE(*answer && !**answer) << value(answer);
    return *answer && !**answer ? (*answer)->error().code : ErrorCode::internal;
  }

  World world_{1, named_kinds()};
};

TEST_F(Recovery, what_was_built_on_a_refused_turn_runs_again_in_order) {
  command("a", "rename", "taken");
  command("b", "rename", "mine");
  settle();
  const auto refused = command("b", "rename", "taken");
  const auto built_on_it = command("b", "decorate");
  const auto seen = ask("b");
  const auto later = command("b", "decorate");
  settle();
  EXPECT_EQ(code(refused), ErrorCode::conflict);
  EXPECT_EQ(value(built_on_it), R"("mine!")");
  EXPECT_EQ(value(seen), R"("mine!")");
  EXPECT_EQ(value(later), R"("mine!!")");
}

TEST_F(Recovery, no_reply_leaves_before_its_turn_is_durable) {
  const auto changed = command("a", "decorate");
  const auto seen = ask("a");
  const auto failed = send({.target = {"named", "a"}, .name = "decorate", .if_seq = Seq{7}});
  world_.run_actors();
  EXPECT_EQ(value(changed), "unanswered");
  EXPECT_EQ(value(seen), "unanswered");
  EXPECT_EQ(value(failed), "unanswered") << "that the seq is not 7 depends on the turn, too";
  EXPECT_FALSE(world_.runtime().inspect({"named", "a"}));
  world_.commit(1);
  EXPECT_EQ(value(changed), R"("!")");
  EXPECT_EQ(value(seen), "unanswered");
  world_.commit(2);
  EXPECT_EQ(value(seen), R"("!")");
  EXPECT_EQ(code(failed), ErrorCode::stale_precondition);
}

TEST_F(Recovery, a_sync_that_fails_after_a_refusal_leaves_nobody_waiting) {
  command("a", "rename", "taken");
  settle();
  const auto refused = command("b", "rename", "taken");
  const auto unknown = command("b", "decorate");
  const auto other = command("c", "decorate");
  world_.run_actors();
  world_.commit(1);
  world_.faults().commits_until_sync_fails = 0;
  settle();
  EXPECT_EQ(code(refused), ErrorCode::conflict);
  EXPECT_EQ(code(unknown), ErrorCode::outcome_unknown);
  EXPECT_EQ(code(other), ErrorCode::outcome_unknown);
  EXPECT_EQ(world_.runtime().stats().in_flight_calls, 0U);
}

TEST_F(Recovery, after_a_failed_sync_only_what_is_durable_is_shown) {
  command("a", "decorate");
  settle();
  world_.faults().commits_until_sync_fails = 0;
  const auto unknown = command("a", "decorate");
  const auto seen = ask("a");
  settle();
  EXPECT_EQ(code(unknown), ErrorCode::outcome_unknown);
  EXPECT_EQ(code(seen), ErrorCode::unavailable);
  const auto again = ask("a");
  const auto refused = command("a", "decorate");
  settle();
  EXPECT_EQ(value(again), R"("!")");
  EXPECT_EQ(code(refused), ErrorCode::unavailable);
}

TEST_F(Recovery, a_full_disk_takes_writes_again_when_it_has_room_and_nothing_acknowledged_is_lost) {
  for (const bool survives : {false, true}) {
    const auto before = command("a", "decorate");
    settle();
    const auto acknowledged = (**before)->value.get<std::string>();
    world_.fill_disk();
    world_.faults().failed_batch_survives = survives;
    const auto unknown = command("a", "decorate");
    settle();
    EXPECT_EQ(code(unknown), ErrorCode::outcome_unknown);
    world_.housekeep();
    EXPECT_FALSE(world_.writable()) << "the disk is still full";
    EXPECT_EQ(code(command("a", "decorate")), ErrorCode::unavailable);

    world_.free_disk();
    world_.housekeep();
    EXPECT_TRUE(world_.writable());
    const auto seen = ask("a");
    settle();
    EXPECT_EQ(value(seen), Json(acknowledged + (survives ? "!" : "")).dump());
    const auto after = command("a", "decorate");
    settle();
    EXPECT_EQ(value(after), Json(acknowledged + (survives ? "!!" : "!")).dump());
  }
}

TEST_F(Recovery, turns_on_their_way_while_the_store_is_opened_again_do_not_reach_it) {
  command("a", "decorate");
  settle();
  world_.fill_disk();
  world_.faults().failed_batch_survives = false;
  const auto unknown = command("a", "decorate");
  world_.run_actors();
  const auto other = command("b", "decorate");
  const auto late = command("a", "decorate");  // built on the unknown one
  const auto seen = ask("a");
  world_.run_actors();
  world_.commit(1);
  EXPECT_EQ(code(unknown), ErrorCode::outcome_unknown);
  world_.free_disk();
  world_.housekeep();
  ASSERT_TRUE(world_.writable());
  const auto fresh = command("a", "decorate");  // of a new activation, beside the one that leaves
  settle();
  EXPECT_EQ(code(other), ErrorCode::unavailable);
  EXPECT_EQ(code(late), ErrorCode::unavailable);
  EXPECT_EQ(value(fresh), R"("!!")");
  EXPECT_TRUE(seen->has_value());
  EXPECT_EQ(world_.runtime().stats().in_flight_calls, 0U);
}

TEST_F(Recovery, a_failed_sync_needs_a_restart) {
  world_.faults().commits_until_sync_fails = 0;
  EXPECT_EQ(code((command("a", "decorate"), settle(), command("a", "decorate"))),
            ErrorCode::unavailable);
  for (int round = 0; round < 3; ++round) world_.housekeep();
  EXPECT_TRUE(world_.broken());
  world_.crash();
  const auto after = command("a", "decorate");
  settle();
  EXPECT_TRUE(**after);
}

TEST_F(Recovery, a_transaction_that_was_refused_an_object_leaves_it_to_the_one_that_holds_it) {
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    World world{seed, named_kinds()};
    EXPECT_TRUE(world.call("named/a", "decorate"));
    EXPECT_TRUE(world.hibernate("named/a"));
    std::vector<TransactionStep> steps;
    for (const auto* id : {"a", "b", "c"}) {
      steps.push_back({.object = {"named", id}, .command = "decorate"});
    }
    std::optional<Result<Reply>> first;
    std::optional<Result<Reply>> second;
    Answer later;
    world.fail_nth_call(static_cast<int>(1 + seed % 3));
    world.runtime().transact({steps.front()}, {}, [&](Result<Reply> reply) {
      first = std::move(reply);
      later = world.send({.target = {"named", "a"}, .name = "decorate"});
    });
    world.runtime().transact(steps, {}, [&](Result<Reply> reply) { second = std::move(reply); });
    for (int step = 0; step < 1'000; ++step) world.step();
    ASSERT_TRUE(first && second && later && *later);
    if (*first || !world.writable()) continue;  // another call failed than the first one's load
    ++refused;
    EXPECT_TRUE(second->has_value()) << "seed " << seed << ": " << to_string(second->error());
    EXPECT_EQ(world.state("named/a")->at("name"), "!!!");
    EXPECT_EQ(world.runtime().stats().in_flight_calls, 0U);
  }
  EXPECT_GT(refused, 10);
}

TEST_F(Recovery, a_refused_snapshot_holds_up_no_later_turn) {
  for (int i = 0; i < 1'100; ++i) command("a", "rename", std::to_string(i));
  settle();
  const auto pin =
      send({.target = {"named", "a"}, .name = std::string{builtin::pin}, .payload = {{"seq", 1}}});
  world_.run_actors();
  // Retention raises the floor while the pin is on its way.
  world_.clock().advance(std::chrono::hours{24});
  world_.housekeep();
  const auto later = command("a", "decorate");
  world_.run_actors();
  settle();
  EXPECT_EQ(code(pin), ErrorCode::gone);
  EXPECT_EQ(value(later), R"("1099!")");
  EXPECT_EQ(world_.runtime().stats().in_flight_calls, 0U);
}

}  // namespace
}  // namespace perdure::sim
