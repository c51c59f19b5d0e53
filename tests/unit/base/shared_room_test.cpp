// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/shared_room.hpp"

#include <gtest/gtest.h>

namespace perdure {
namespace {

std::size_t fill(SharedRoom& room, OwnerKey owner) {
  std::size_t taken = 0;
  while (room.take(owner, 1)) ++taken;
  return taken;
}

TEST(SharedRoom, gives_one_owner_alone_half_of_itself) {
  SharedRoom room{100};
  EXPECT_EQ(fill(room, 1), 50U);
  EXPECT_EQ(room.used(), 50U);
}

TEST(SharedRoom, leaves_room_for_the_next_owner_however_many_are_greedy) {
  SharedRoom room{1'000};
  for (OwnerKey owner = 1; owner <= 5; ++owner) EXPECT_GT(fill(room, owner), 0U) << owner;
  EXPECT_TRUE(room.take(6, 1));
}

TEST(SharedRoom, refuses_what_is_larger_than_what_would_be_left) {
  SharedRoom room{100};
  EXPECT_FALSE(room.take(1, 51));
  EXPECT_EQ(room.used(), 0U);
  EXPECT_TRUE(room.take(1, 50));
  EXPECT_TRUE(room.take(2, 25));
}

TEST(SharedRoom, forgets_an_owner_that_has_given_everything_back) {
  SharedRoom room{100};
  ASSERT_TRUE(room.take(1, 50));
  room.give_back(1, 20);
  EXPECT_EQ(room.held(1), 30U);
  room.give_back(1, 30);
  EXPECT_EQ(room.held(1), 0U);
  EXPECT_EQ(fill(room, 1), 50U);
}

}  // namespace
}  // namespace perdure
