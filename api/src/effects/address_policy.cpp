// SPDX-License-Identifier: Apache-2.0
#include "effects/address_policy.hpp"

#include <algorithm>
#include <array>

namespace perdure::effects {

namespace ip = boost::asio::ip;

namespace {

// The special-purpose registries of IANA, but for what is globally reachable; and multicast.
constexpr std::array special_v4{
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4"};
// Within 2000::/3, outside of which nothing is public.
constexpr std::array special_v6{"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};
constexpr const char* public_v6 = "2000::/3";
constexpr const char* nat64 = "64:ff9b::/96";

bool contains(const ip::network_v4& network, const ip::address_v4& address) {
  const auto mask = network.netmask().to_uint();
  return (address.to_uint() & mask) == (network.address().to_uint() & mask);
}

bool contains(const ip::network_v6& network, const ip::address_v6& address) {
  const ip::network_v6 other{address, network.prefix_length()};
  return other.network() == network.network();
}

ip::address_v4 last_four(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  return ip::address_v4{{bytes[12], bytes[13], bytes[14], bytes[15]}};
}

bool is_public(const ip::address_v4& address) {
  return std::ranges::none_of(special_v4, [&](const char* network) {
    return contains(ip::make_network_v4(network), address);
  });
}

bool is_public(const ip::address_v6& address) {
  if (contains(ip::make_network_v6(nat64), address)) return is_public(last_four(address));
  return contains(ip::make_network_v6(public_v6), address) &&
         std::ranges::none_of(special_v6, [&](const char* network) {
           return contains(ip::make_network_v6(network), address);
         });
}

Unexpected no_network(const std::string& text) {
  const std::string message = "\"" + text + "\" is no network, such as 10.0.0.0/8 or fd00::/8";
  Error error{.code = ErrorCode::invalid, .detail = message};
  error.fields.push_back({"/allow_networks", "format", message});
  return fail(std::move(error));
}

}  // namespace

Result<AddressPolicy> AddressPolicy::parse(const std::vector<std::string>& allowed) {
  AddressPolicy policy;
  for (const auto& text : allowed) {
    const bool is_v6 = text.find(':') != std::string::npos;
    const bool has_size = text.find('/') != std::string::npos;
    const auto whole = has_size ? text : text + (is_v6 ? "/128" : "/32");
    boost::system::error_code ec;
    if (is_v6) {
      policy.allowed_.emplace_back(ip::make_network_v6(whole, ec));
    } else {
      policy.allowed_.emplace_back(ip::make_network_v4(whole, ec));
    }
    if (ec) return no_network(text);
  }
  return policy;
}

bool AddressPolicy::allows(const ip::address& address) const {
  return std::ranges::any_of(allowed_, [&](const Network& network) {
    if (const auto* v4 = std::get_if<ip::network_v4>(&network)) {
      return address.is_v4() && contains(*v4, address.to_v4());
    }
    return address.is_v6() && contains(std::get<ip::network_v6>(network), address.to_v6());
  });
}

bool AddressPolicy::admits(const ip::address& address) const {
  if (allows(address)) return true;
  if (address.is_v4()) return is_public(address.to_v4());
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return allows(last_four(v6));
  return is_public(v6);
}

}  // namespace perdure::effects
