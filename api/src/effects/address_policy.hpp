// SPDX-License-Identifier: Apache-2.0
// AddressPolicy: which addresses an outgoing call may connect to. It judges the address of the
// connection itself, so that what a name server says between two look-ups makes no difference.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <variant>
#include <vector>

#include "perdure/base/result.hpp"

namespace perdure::effects {

/// Immutable. Threads  any.
class AddressPolicy {
 public:
  /// Shape   `allowed`: `10.0.0.0/8`, `fd00::/8`, or one address.
  /// Errors  invalid (`/allow_networks`).
  [[nodiscard]] static Result<AddressPolicy> parse(const std::vector<std::string>& allowed);

  /// Public addresses, and those of allowed networks. An IPv4 address inside an IPv6 one (mapped,
  /// or by NAT64) is judged as itself; mapped ones must be allowed explicitly.
  [[nodiscard]] bool admits(const boost::asio::ip::address& address) const;

 private:
  using Network = std::variant<boost::asio::ip::network_v4, boost::asio::ip::network_v6>;

  [[nodiscard]] bool allows(const boost::asio::ip::address& address) const;

  std::vector<Network> allowed_;
};

}  // namespace perdure::effects
