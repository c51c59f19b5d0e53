// SPDX-License-Identifier: Apache-2.0
#include "app/tickets.hpp"

#include "fixture.hpp"

namespace perdure::api {
namespace {

struct TicketsTest : testing::Test {
  ManualClock clock;
  SecureRandom random;
  Tickets tickets{clock, random};
  std::shared_ptr<KeyRecord> key = std::make_shared<KeyRecord>();
};

TEST_F(TicketsTest, are_good_for_one_use) {
  const auto ticket = tickets.issue(key).value();
  EXPECT_EQ(tickets.redeem(ticket), key);
  EXPECT_EQ(tickets.redeem(ticket), nullptr);
  EXPECT_EQ(tickets.redeem("pdt_other"), nullptr);
}

TEST_F(TicketsTest, expire_after_their_lifetime) {
  const auto first = tickets.issue(key).value();
  const auto second = tickets.issue(key).value();
  clock.shift += Tickets::lifetime - Milliseconds{500};
  EXPECT_EQ(tickets.redeem(first), key);
  clock.shift += Milliseconds{500};
  EXPECT_EQ(tickets.redeem(second), nullptr);
}

TEST_F(TicketsTest, are_bounded_for_each_key_until_they_are_used_or_expire) {
  std::string last;
  for (std::size_t i = 0; i < Tickets::tickets_of_key_max; ++i) last = tickets.issue(key).value();
  EXPECT_EQ(tickets.issue(key).error().code, ErrorCode::rate_limited);
  EXPECT_TRUE(tickets.issue(std::make_shared<KeyRecord>()));
  EXPECT_EQ(tickets.redeem(last), key);
  EXPECT_TRUE(tickets.issue(key));
  EXPECT_FALSE(tickets.issue(key));
  clock.shift += Tickets::lifetime + Milliseconds{1};
  EXPECT_TRUE(tickets.issue(key));
}

TEST_F(TicketsTest, are_bounded_in_all) {
  auto one_of_many = key;
  for (std::size_t i = 0; i < Tickets::tickets_max; ++i) {
    if (i % Tickets::tickets_of_key_max == 0) one_of_many = std::make_shared<KeyRecord>();
    ASSERT_TRUE(tickets.issue(one_of_many)) << i;
  }
  EXPECT_EQ(tickets.issue(key).error().code, ErrorCode::overloaded);
}

}  // namespace
}  // namespace perdure::api
