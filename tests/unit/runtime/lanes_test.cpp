// SPDX-License-Identifier: Apache-2.0
// Which items of the outbox wait for which.
#include "lanes.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

const ObjectId ann{"from", "ann"};
const ObjectId bob{"to", "bob"};
const ObjectId cid{"to", "cid"};

TEST(Lanes, have_one_for_the_messages_of_a_pair_of_objects) {
  const Sent one{.type = Sent::Type::message, .from = ann, .to = bob, .command = "hear"};
  const Sent other{.type = Sent::Type::message, .from = ann, .to = bob, .command = "see"};
  const Sent another{.type = Sent::Type::message, .from = ann, .to = cid};
  EXPECT_EQ(Lanes::of(one), Lanes::of(other));
  EXPECT_NE(Lanes::of(one), Lanes::of(another));
  EXPECT_EQ(Lanes::of(one), Lanes::of_messages(ann, bob));
}

TEST(Lanes, have_one_for_each_effect_and_never_its_cancels) {
  const Sent effect{.type = Sent::Type::effect, .from = ann, .effect_id = "1"};
  const Sent cancel{.type = Sent::Type::cancel, .from = ann, .effect_id = "1"};
  const Sent other{.type = Sent::Type::effect, .from = ann, .effect_id = "2"};
  EXPECT_NE(Lanes::of(effect), Lanes::of(cancel));
  EXPECT_NE(Lanes::of(effect), Lanes::of(other));
  EXPECT_EQ(Lanes::of(effect), Lanes::of_effect(ann, "1"));
}

TEST(Lanes, let_one_item_go_after_another) {
  Lanes lanes;
  const auto lane = Lanes::of_messages(ann, bob);
  EXPECT_TRUE(lanes.enter(lane, 3));
  EXPECT_FALSE(lanes.enter(lane, 5)) << "it waits for the first";
  EXPECT_TRUE(lanes.enter(Lanes::of_messages(ann, cid), 4)) << "of another pair";
  EXPECT_EQ(lanes.first(lane), 3U);
  EXPECT_EQ(lanes.leave(lane), 5U);
  EXPECT_EQ(lanes.leave(lane), std::nullopt);
  EXPECT_EQ(lanes.first(lane), std::nullopt) << "the lane has ended";
  lanes.check_invariants();
}

TEST(Lanes, let_nothing_overtake) {
  Lanes lanes;
  const auto lane = Lanes::of_messages(ann, bob);
  lanes.enter(lane, 3);
  EXPECT_DEATH(lanes.enter(lane, 2), "overtakes");
}

}  // namespace
}  // namespace perdure::runtime
