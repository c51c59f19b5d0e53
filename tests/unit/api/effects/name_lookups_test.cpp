// SPDX-License-Identifier: Apache-2.0
#include "effects/name_lookups.hpp"

#include <gtest/gtest.h>

#include "name_server.hpp"

namespace perdure::effects {
namespace {

using namespace std::chrono_literals;

class NameLookupsTest : public ::testing::Test {
 protected:
  void TearDown() override {
    lookups_.stop();
    loop_.restart();
    loop_.run();
    EXPECT_EQ(answers_.size(), asked_) << "somebody was not answered, or twice";
  }

  /// Asks, and gives the number under which the answer will be.
  std::size_t ask(const std::string& host, OwnerKey owner = 1) {
    const auto number = ++asked_;
    lookups_.ask(number, owner, host, 80, [this, number](const auto& found) {
      EXPECT_TRUE(answers_.emplace(number, text_of(found)).second);
    });
    return number;
  }
  /// Waits for one answer.
  std::string wait(std::size_t number) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!answers_.contains(number) && std::chrono::steady_clock::now() < end) {
      loop_.restart();
      loop_.run_one_for(100ms);
    }
    return answers_.contains(number) ? answers_[number] : "nothing";
  }

  static std::string text_of(const Result<NameLookups::Endpoints>& found) {
    if (!found) return std::string{describe(found.error().code).name};
    std::string text;
    for (const auto& endpoint : *found) {
      text += (text.empty() ? "" : " ") + endpoint.address().to_string();
    }
    return text;
  }

  NameServer server_;
  boost::asio::io_context loop_;
  NameLookups lookups_{loop_, {server_.address()}};
  std::size_t asked_ = 0;
  std::map<std::size_t, std::string> answers_;
};

TEST_F(NameLookupsTest, asks_the_name_server_for_a_name) {
  EXPECT_EQ(wait(ask("quick.test")), "127.0.0.1");
  EXPECT_EQ(wait(ask("missing.test")), "not_found");
}

TEST_F(NameLookupsTest, waits_for_nobody_to_give_a_literal_address) {
  for (int i = 0; i < 300; ++i) ask("never-" + std::to_string(i) + ".test");
  EXPECT_EQ(wait(ask("127.0.0.9")), "127.0.0.9");
  EXPECT_EQ(wait(ask("::1")), "::1");
  EXPECT_EQ(answers_.size(), 2U);
}

TEST_F(NameLookupsTest, refuses_other_ways_to_write_an_address) {
  for (const auto* host : {"127.1", "0x7f.1", "0x7f000001", "2130706433", "0", "0177.0.0.1",
                           "127.0.0.1.", "1.2.3.4.5", "a.0x"}) {
    EXPECT_EQ(wait(ask(host)), "forbidden") << host;
    EXPECT_EQ(server_.asked(host), 0) << host;
  }
}

TEST_F(NameLookupsTest, takes_localhost_from_the_hosts_file) {
  EXPECT_NE(wait(ask("localhost")).find("127.0.0.1"), std::string::npos);
  EXPECT_EQ(server_.asked("localhost"), 0);
}

TEST_F(NameLookupsTest, asks_once_for_all_who_want_one_name_and_keeps_the_answer) {
  std::size_t last = 0;
  for (OwnerKey owner = 1; owner <= 10; ++owner) last = ask("shared.test", owner);
  EXPECT_EQ(wait(last), "127.0.0.1");
  EXPECT_EQ(wait(ask("Shared.Test")), "127.0.0.1");
  EXPECT_EQ(answers_.size(), 11U);
  EXPECT_EQ(server_.asked("shared.test"), 1);
}

TEST_F(NameLookupsTest, keeps_a_failure_too) {
  EXPECT_EQ(wait(ask("missing.test")), "not_found");
  EXPECT_EQ(wait(ask("missing.test")), "not_found");
  EXPECT_EQ(server_.asked("missing.test"), 1);
}

TEST_F(NameLookupsTest, leaves_others_their_turns_while_one_owners_names_are_slow) {
  for (std::size_t i = 0; i < 2 * NameLookups::owner_running_max; ++i) {
    ask("never-" + std::to_string(i) + ".test", 1);
  }
  EXPECT_EQ(lookups_.running(), NameLookups::owner_running_max);
  EXPECT_EQ(wait(ask("quick.test", 2)), "127.0.0.1");
  // The same name may wait for the slow owner already.
  const auto slow = ask("popular.test", 1);
  EXPECT_EQ(wait(ask("popular.test", 3)), "127.0.0.1");
  EXPECT_EQ(wait(slow), "127.0.0.1");
  EXPECT_EQ(answers_.size(), 3U);
}

TEST_F(NameLookupsTest, refuses_what_would_wait_behind_too_many) {
  const auto most = NameLookups::owner_running_max + NameLookups::owner_waiting_max;
  for (std::size_t i = 0; i < most; ++i) ask("never-" + std::to_string(i) + ".test");
  EXPECT_EQ(wait(ask("one-more.test")), "overloaded");
  EXPECT_EQ(wait(ask("another-owner.test", 2)), "127.0.0.1");
}

TEST_F(NameLookupsTest, lets_a_caller_leave_and_the_others_wait) {
  const auto leaves = ask("never.test");
  const auto stays = ask("never.test");
  lookups_.leave(leaves);
  EXPECT_EQ(wait(leaves), "unavailable");
  EXPECT_FALSE(answers_.contains(stays));
  lookups_.leave(leaves);
}

TEST_F(NameLookupsTest, gives_up_a_name_server_that_does_not_answer) {
  EXPECT_EQ(wait(ask("never.test")), "unavailable");
  EXPECT_GE(server_.asked("never.test"), 2);
}

TEST(NameServers, are_addresses_with_ports) {
  boost::asio::io_context loop;
  EXPECT_TRUE(DnsChannel::open(loop, {"127.0.0.1:53", "[::1]:5353"}));
  const auto refused = DnsChannel::open(loop, {"no address"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fields.at(0).pointer, "/resolver");
}

}  // namespace
}  // namespace perdure::effects
