// SPDX-License-Identifier: Apache-2.0
// Members: what an activation has beside its state.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using perdure::testing::World;

struct Sum {
  std::int64_t value = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Sum, value)

/// What has become of the members of all activations.
struct Told {
  int made = 0;
  int let_go = 0;
};

struct Cache {
  std::int64_t made_of = 0;
  int turns = 0;
  std::string large = {};
  [[nodiscard]] std::size_t bytes() const { return large.size(); }
};

Kind sum_kind(Told& told) {
  return kind<Sum>("sum")
      .members(
          [&told](const ObjectMeta&, const Sum& self) {
            ++told.made;
            return Cache{.made_of = self.value};
          },
          [&told](const ObjectMeta&, Cache&) { ++told.let_go; })
      .command("add",
               [](Turn& turn, Sum& self, const std::int64_t& by) {
                 self.value += by;
                 auto& cache = turn.members<Cache>();
                 return Json{{"made_of", cache.made_of}, {"turns", ++cache.turns}};
               })
      .command("grow",
               [](Turn& turn, Sum&, const std::size_t& bytes) {
                 turn.members<Cache>().large.assign(bytes, 'x');
               })
      .command("take",
               [](Turn& turn, Sum& self, const std::string& name) {
                 ++turn.members<Cache>().turns;
                 turn.claim("name", name);
                 ++self.value;
               })
      .command("wrong", [](Turn& turn, Sum&) { return turn.members<Told>().made; });
}

class MembersTest : public ::testing::Test {
 protected:
  Json add(std::int64_t by) {
    const auto reply = world_.call("sum/one", "add", by);
    EXPECT_TRUE(reply) << to_string(reply.error());
    return reply ? reply->value : Json{};
  }
  static Json seen(std::int64_t made_of, int turns) {
    return {{"made_of", made_of}, {"turns", turns}};
  }

  Told told_;
  World world_{1, {sum_kind(told_)}};
};

TEST_F(MembersTest, last_from_the_first_turn_that_asks_to_hibernation) {
  EXPECT_EQ(add(5), seen(0, 1));
  EXPECT_EQ(add(5), seen(0, 2));
  ASSERT_TRUE(world_.hibernate("sum/one"));
  EXPECT_EQ(told_.let_go, 1);
  EXPECT_EQ(add(5), seen(10, 1)) << "they are made of what was stored";
  world_.advance(std::chrono::minutes{1});
  EXPECT_EQ(told_.let_go, 2) << "also when the object was idle";
  EXPECT_EQ(told_.made, 2);
  EXPECT_EQ(world_.state("sum/one")->dump(), R"({"value":15})") << "they are no part of the state";
}

TEST_F(MembersTest, are_made_anew_before_a_turn_that_was_refused_runs_again) {
  ASSERT_TRUE(world_.call("sum/other", "take", "n"));
  EXPECT_EQ(add(1), seen(0, 1));
  // The second turn is built on one whose claim is taken.
  const auto refused = world_.send({.target = {"sum", "one"}, .name = "take", .payload = "n"});
  const auto built_on = world_.send({.target = {"sum", "one"}, .name = "add", .payload = 1});
  world_.settle();
  ASSERT_FALSE(**refused);
  ASSERT_TRUE(**built_on);
  EXPECT_EQ((**built_on)->value, seen(1, 1)) << "nothing of the refused turn is left";
}

TEST_F(MembersTest, are_let_go_of_when_a_sync_fails_and_come_back_after_a_crash) {
  EXPECT_EQ(add(1), seen(0, 1));
  world_.fail_disk();
  EXPECT_FALSE(world_.call("sum/one", "add", 1));
  world_.settle();
  EXPECT_EQ(told_.let_go, 1);
  world_.crash();
  const auto value = world_.state("sum/one")->at("value").get<std::int64_t>();
  EXPECT_EQ(add(1), seen(value, 1));
}

TEST_F(MembersTest, count_as_memory_by_what_they_say) {
  EXPECT_EQ(add(1), seen(0, 1));
  const auto before = world_.runtime().stats().active_bytes;
  ASSERT_TRUE(world_.call("sum/one", "grow", 20'000));
  EXPECT_GE(world_.runtime().stats().active_bytes, before + 20'000);
  world_.check_invariants();
}

TEST_F(MembersTest, of_another_type_are_an_error_of_the_kind) {
  const auto reply = world_.call("sum/one", "wrong");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::internal);
}

}  // namespace
}  // namespace perdure
