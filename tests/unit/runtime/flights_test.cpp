// SPDX-License-Identifier: Apache-2.0
// How the calls under way are counted: seats that give themselves back, guests that a runtime waits
// for, and the one way in which a call ends.
#include "flights.hpp"

#include <gtest/gtest.h>

#include "envelope.hpp"

namespace perdure::runtime {
namespace {

constexpr OwnerKey ann = 1;
constexpr OwnerKey bob = 2;

TEST(Flights, have_as_many_seats_as_they_may) {
  Flights flights{{.most = 2}};
  auto first = flights.take_seat({});
  auto second = flights.take_seat({});
  ASSERT_TRUE(first && second);
  const auto third = flights.take_seat({});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::overloaded);
  EXPECT_TRUE(third.error().retry_after);
  EXPECT_EQ(flights.in_flight(), 2U) << "whoever was turned away is not counted";
  static_cast<void>(second->give_back());
  EXPECT_TRUE(flights.take_seat({}));
}

TEST(Flights, leave_one_caller_no_more_than_its_share) {
  Flights flights{{.most = 8, .most_of_caller = 1}};
  const auto anns = flights.take_seat(ann);
  ASSERT_TRUE(anns);
  EXPECT_FALSE(flights.take_seat(ann));
  EXPECT_TRUE(flights.take_seat(bob));
  EXPECT_TRUE(flights.take_seat({})) << "the host itself has no share";
  EXPECT_EQ(flights.in_flight(), 1U);
  flights.check_invariants();
}

TEST(Flights, seat_what_goes_with_a_call_whatever_the_bound) {
  Flights flights{{.most = 1}};
  const auto call = flights.take_seat({});
  const auto held = flights.take_extra_seat();
  EXPECT_TRUE(call && held);
  EXPECT_EQ(flights.in_flight(), 2U);
}

TEST(Flights, count_a_seat_that_moves_once) {
  Flights flights{{.most = 8}};
  {
    auto seat = flights.take_seat(ann);
    Seat moved{std::move(*seat)};
    Seat assigned;
    assigned = std::move(moved);
    EXPECT_TRUE(assigned);
    EXPECT_EQ(flights.in_flight(), 1U);
  }
  EXPECT_TRUE(flights.over());
  flights.check_invariants();
}

TEST(Flights, are_not_over_while_somebody_hands_out_an_answer) {
  Flights flights{{.most = 8}};
  auto seat = flights.take_seat({});
  {
    const auto stay = seat->give_back();
    EXPECT_EQ(flights.in_flight(), 0U) << "there is room for the next call";
    EXPECT_FALSE(flights.over());
  }
  EXPECT_TRUE(flights.over());
}

TEST(Flights, are_outlived_by_guests) {
  auto flights = std::make_unique<Flights>(Flights::Limits{.most = 8});
  auto guest = flights->invite();
  const auto copy = guest;
  guest.reset();
  EXPECT_FALSE(flights->over()) << "a copy is left";
  flights.reset();
}

TEST(Envelopes, are_answered_once) {
  Envelope envelope;
  int answers = 0;
  envelope.done = [&](const Result<Reply>&) { ++answers; };
  envelope.answer(Reply{});
  EXPECT_EQ(answers, 1);
  EXPECT_DEATH(envelope.answer(Reply{}), "answered twice");
}

}  // namespace
}  // namespace perdure::runtime
