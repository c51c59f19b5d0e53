// SPDX-License-Identifier: Apache-2.0
#include "http/connection_places.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace perdure::http {
namespace {

AddressKey key_of(const char* text) { return address_key(boost::asio::ip::make_address(text)); }

TEST(ConnectionPlaces, count_an_ipv4_address_for_itself_and_ipv6_by_its_subscriber) {
  EXPECT_EQ(key_of("192.0.2.1"), key_of("::ffff:192.0.2.1"));
  EXPECT_NE(key_of("192.0.2.1"), key_of("192.0.2.2"));
  EXPECT_EQ(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:2:ffff::9"));
  EXPECT_NE(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:3::1"));
  EXPECT_NE(key_of("::1"), key_of("127.0.0.1"));
}

TEST(ConnectionPlaces, leave_the_rest_to_others) {
  ConnectionPlaces places{{.connections_max = 40, .connections_per_address = 30}};
  for (int i = 0; i < 30; ++i) EXPECT_EQ(places.take(key_of("192.0.2.1")), Admission::admitted);
  EXPECT_EQ(places.take(key_of("192.0.2.1")), Admission::address_full);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(places.take(key_of("192.0.2.2")), Admission::admitted);
  EXPECT_EQ(places.take(key_of("192.0.2.3")), Admission::server_full);
  places.give_back(key_of("192.0.2.1"), Admission::admitted);
  EXPECT_EQ(places.take(key_of("192.0.2.3")), Admission::admitted);
}

TEST(ConnectionPlaces, tell_few_of_one_address_why_they_are_refused) {
  ConnectionPlaces places{{.connections_max = 1'000, .connections_per_address = 1}};
  std::vector<Admission> heard;
  for (int i = 0; i < 1'000; ++i) {
    if (const auto admission = places.take(key_of("192.0.2.1"))) heard.push_back(*admission);
  }
  EXPECT_EQ(heard.size(), 1 + refused_of_address_max);
  EXPECT_EQ(places.take(key_of("192.0.2.2")), Admission::admitted);
  EXPECT_EQ(places.take(key_of("192.0.2.2")), Admission::address_full);
}

TEST(ConnectionPlaces, tell_few_of_all_addresses_why_they_are_refused) {
  ConnectionPlaces places{{.connections_max = 0}};
  std::size_t heard = 0;
  for (std::uint64_t address = 0; address < 1'000; ++address) {
    heard += places.take({.high = address}).has_value() ? 1U : 0U;
  }
  EXPECT_EQ(heard, refused_connections_max);
  EXPECT_EQ(places.addresses(), refused_connections_max);
}

TEST(ConnectionPlaces, remember_no_address_without_a_connection) {
  const auto places = std::make_shared<ConnectionPlaces>(Limits{.connections_max = 10});
  {
    std::vector<Place> open;
    for (std::uint64_t address = 0; address < 12; ++address) {
      const AddressKey key{.high = address};
      const auto admission = places->take(key);
      ASSERT_TRUE(admission);
      open.emplace_back(places, key, *admission);
    }
    open.back().leave();
    EXPECT_EQ(places->open(), 11U);
    EXPECT_EQ(places->addresses(), 11U);
    EXPECT_FALSE(places->wait_until_empty(Milliseconds{0}));
  }
  EXPECT_EQ(places->addresses(), 0U);
  EXPECT_TRUE(places->wait_until_empty(Milliseconds{0}));
}

TEST(ConnectionPlaces, are_a_quarter_for_each_address_unless_set) {
  EXPECT_EQ(share_of_address({.connections_max = 16'384}), 4'096U);
  EXPECT_EQ(share_of_address({.connections_max = 3}), least_share);
  EXPECT_EQ(share_of_address({.connections_max = 16'384, .connections_per_address = 7}), 7U);
}

}  // namespace
}  // namespace perdure::http
