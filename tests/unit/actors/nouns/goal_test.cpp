// SPDX-License-Identifier: Apache-2.0
// goal: part of other goals, which it outlives.
#include "../fixture.hpp"

namespace perdure::actors {
namespace {

class Goals : public KindsTest {};

TEST_F(Goals, stay_when_the_goal_that_they_are_part_of_is_deleted) {
  const ObjectId whole{"goal", "01890000-0000-7000-8000-000000000001"};
  const ObjectId part{"goal", "01890000-0000-7000-8000-000000000002"};
  command(whole, "create", {{"title", "whole"}});
  command(part, "create", {{"title", "part"}, {"parent_goal_id", whole.id}});
  command(whole, "$remove");
  EXPECT_TRUE(runtime_->exists(part));
  const auto& kind = *runtime_->find_kind("goal");
  const auto read = runtime_->without_dead_references(kind, query(part, "get"));
  EXPECT_EQ(read.at("parent_goal_id"), nullptr);
}

TEST_F(Goals, are_in_no_cycle_and_have_a_progress_in_percent) {
  const ObjectId whole{"goal", "01890000-0000-7000-8000-000000000001"};
  const ObjectId part{"goal", "01890000-0000-7000-8000-000000000002"};
  command(whole, "create", {{"title", "whole"}});
  command(part, "create", {{"title", "part"}, {"parent_goal_id", whole.id}});
  EXPECT_EQ(refusal(send(whole, "update", {{"parent_goal_id", part.id}})),
            "invalid /parent_goal_id");
  EXPECT_EQ(refusal(send(whole, "update", {{"progress", 101}})), "invalid /progress");
  EXPECT_EQ(command(whole, "update", {{"progress", 12.5}}).at("progress"), 12.5);
}

}  // namespace
}  // namespace perdure::actors
