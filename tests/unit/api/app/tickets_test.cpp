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

  Result<std::string> issue(std::shared_ptr<KeyRecord> of, OwnerKey owner = 1) {
    return tickets.issue(std::move(of), owner);
  }
  /// As many as an owner with many keys gets.
  std::size_t issue_all_to(OwnerKey owner) {
    auto one_of_many = key;
    for (std::size_t i = 0;; ++i) {
      if (i % Tickets::tickets_of_key_max == 0) one_of_many = std::make_shared<KeyRecord>();
      if (!issue(one_of_many, owner)) return i;
    }
  }
};

TEST_F(TicketsTest, are_good_for_one_use) {
  const auto ticket = issue(key).value();
  EXPECT_EQ(tickets.redeem(ticket), key);
  EXPECT_EQ(tickets.redeem(ticket), nullptr);
  EXPECT_EQ(tickets.redeem("pdt_other"), nullptr);
}

TEST_F(TicketsTest, expire_after_their_lifetime) {
  const auto first = issue(key).value();
  const auto second = issue(key).value();
  clock.shift += Tickets::lifetime - Milliseconds{500};
  EXPECT_EQ(tickets.redeem(first), key);
  clock.shift += Milliseconds{500};
  EXPECT_EQ(tickets.redeem(second), nullptr);
}

TEST_F(TicketsTest, are_bounded_for_each_key_until_they_are_used_or_expire) {
  std::string last;
  for (std::size_t i = 0; i < Tickets::tickets_of_key_max; ++i) last = issue(key).value();
  EXPECT_EQ(issue(key).error().code, ErrorCode::rate_limited);
  EXPECT_TRUE(issue(std::make_shared<KeyRecord>()));
  EXPECT_EQ(tickets.redeem(last), key);
  EXPECT_TRUE(issue(key));
  EXPECT_FALSE(issue(key));
  clock.shift += Tickets::lifetime + Milliseconds{1};
  EXPECT_TRUE(issue(key));
}

TEST_F(TicketsTest, are_shared_by_owners_whatever_one_takes) {
  EXPECT_EQ(issue_all_to(1), Tickets::tickets_max / 2);
  EXPECT_EQ(issue(std::make_shared<KeyRecord>(), 1).error().code, ErrorCode::rate_limited);
  EXPECT_TRUE(issue(std::make_shared<KeyRecord>(), 2));
  clock.shift += Tickets::lifetime + Milliseconds{1};
  EXPECT_TRUE(issue(std::make_shared<KeyRecord>(), 1));
}

TEST_F(TicketsTest, are_bounded_in_all) {
  std::size_t issued = 0;
  OwnerKey owner = 1;
  while (const auto more = issue_all_to(owner)) {
    issued += more;
    ++owner;
  }
  EXPECT_LE(issued, Tickets::tickets_max);
  EXPECT_EQ(issue(key, owner).error().code, ErrorCode::overloaded);
}

}  // namespace
}  // namespace perdure::api
