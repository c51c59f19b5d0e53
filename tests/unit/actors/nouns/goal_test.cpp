// SPDX-License-Identifier: Apache-2.0
// goal: part of other goals, which it outlives.
#include "../fixture.hpp"
#include "perdure/actors/resource.hpp"

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

TEST_F(Goals, have_a_due_date_that_is_another_name_of_their_target_date) {
  const ObjectId goal{"goal", "01890000-0000-7000-8000-000000000001"};
  const auto shown = [&] {
    const auto view = runtime_->inspect(goal).value();
    EXPECT_FALSE(view.state.contains("due_date")) << "it is stored once";
    const auto body = resource_body(view);
    EXPECT_EQ(body.at("due_date"), body.at("target_date"));
    return body.at("target_date");
  };
  command(goal, "create", {{"title", "a"}, {"due_date", "2027-05-01"}});
  EXPECT_EQ(shown(), "2027-05-01");
  command(goal, "update", {{"target_date", "2027-06-01"}});
  EXPECT_EQ(shown(), "2027-06-01");
  command(goal, "update", {{"due_date", "2027-07-01"}, {"target_date", "2027-07-01"}});
  EXPECT_EQ(shown(), "2027-07-01");
  EXPECT_EQ(refusal(send(goal, "update", {{"due_date", "2027-08-01"}, {"target_date", nullptr}})),
            "invalid /due_date");
  EXPECT_EQ(refusal(send(goal, "update", {{"due_date", "in spring"}})), "invalid /due_date");
  command(goal, "update", {{"due_date", nullptr}});
  EXPECT_EQ(shown(), nullptr);
}

}  // namespace
}  // namespace perdure::actors
