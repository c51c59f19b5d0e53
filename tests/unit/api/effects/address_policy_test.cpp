// SPDX-License-Identifier: Apache-2.0
#include "effects/address_policy.hpp"

#include <gtest/gtest.h>

namespace perdure::effects {
namespace {

bool admits(const std::vector<std::string>& allowed, const char* address) {
  return AddressPolicy::parse(allowed).value().admits(boost::asio::ip::make_address(address));
}

TEST(AddressPolicy, admits_public_addresses) {
  for (const auto* address : {"93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1",
                              "2606:2800:220:1::1", "2a00:1450::1", "64:ff9b::8.8.8.8"}) {
    EXPECT_TRUE(admits({}, address)) << address;
  }
}

TEST(AddressPolicy, refuses_every_other_one) {
  for (const auto* address : {"0.0.0.0",
                              "127.0.0.1",
                              "127.255.255.255",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "100.127.255.255",
                              "192.0.0.1",
                              "198.18.0.1",
                              "203.0.113.7",
                              "224.0.0.1",
                              "239.1.1.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "fc00::1",
                              "fd12:3456::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:8.8.8.8",
                              "::127.0.0.1",
                              "64:ff9b::127.0.0.1",
                              "64:ff9b:1::1",
                              "2001:db8::1",
                              "2002:7f00:1::1",
                              "2001::1",
                              "fec0::1"}) {
    EXPECT_FALSE(admits({}, address)) << address;
  }
}

TEST(AddressPolicy, admits_what_was_allowed_and_nothing_beside_it) {
  EXPECT_TRUE(admits({"127.0.0.0/8"}, "127.0.0.1"));
  EXPECT_TRUE(admits({"127.0.0.0/8"}, "::ffff:127.0.0.1"));
  EXPECT_FALSE(admits({"127.0.0.0/8"}, "10.0.0.1"));
  EXPECT_FALSE(admits({"127.0.0.0/8"}, "::1"));
  EXPECT_TRUE(admits({"10.1.2.3"}, "10.1.2.3"));
  EXPECT_FALSE(admits({"10.1.2.3"}, "10.1.2.4"));
  EXPECT_TRUE(admits({"fd00::/8"}, "fd12::1"));
  EXPECT_FALSE(admits({"fd00::/8"}, "fc12::1"));
  EXPECT_TRUE(admits({"10.0.0.0/8", "::1"}, "::1"));
  EXPECT_TRUE(admits({"0.0.0.0/0"}, "192.168.0.1"));
}

TEST(AddressPolicy, names_what_is_no_network) {
  for (const auto* bad : {"10.0.0.0/33", "localhost", "", "10.0.0", "fd00::/129", "10.0.0.0/8/8"}) {
    const auto policy = AddressPolicy::parse({bad});
    ASSERT_FALSE(policy) << bad;
    EXPECT_EQ(policy.error().fields.at(0).pointer, "/allow_networks") << bad;
  }
}

}  // namespace
}  // namespace perdure::effects
