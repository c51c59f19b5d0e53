// SPDX-License-Identifier: Apache-2.0
// Calls of other servers: URLs, what is asked for, which addresses may be reached.
#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "effects/address_policy.hpp"
#include "effects/http_call.hpp"
#include "http/control_bytes.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

namespace ip = boost::asio::ip;

const Timestamp a_day = from_unix_ms(1'700'000'000'000);

void check_url(const effects::Url& url) {
  const auto is_clean = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
  };
  PERDURE_CHECK(!url.host.empty() && is_clean(url.host), "a host that can be looked up");
  PERDURE_CHECK(!url.port.empty() &&
                    std::ranges::all_of(url.port, [](char c) { return c >= '0' && c <= '9'; }),
                "a port of digits");
  PERDURE_CHECK(url.target.starts_with('/') && is_clean(url.target), "a target for a request line");
  PERDURE_CHECK(is_clean(url.authority) && url.authority.find('@') == std::string::npos,
                "an authority for Host");
  const auto again = effects::parse_url(url.text());
  PERDURE_CHECK(again && again->text() == url.text() && again->same_origin(url) &&
                    again->target == url.target,
                "a URL that is written is read");
}

}  // namespace

/// The first line is a URL, the second where a redirect from it leads.
void run_url(std::string_view input) {
  const auto url = effects::parse_url(take_part(input, '\n'));
  if (!url) return;
  check_url(*url);
  if (const auto next = effects::resolve_url(*url, input)) check_url(*next);
}

/// An effect's payload; and, whatever it is, a Retry-After.
void run_http_call(std::string_view input) {
  if (const auto wait = effects::read_retry_after(input, a_day)) {
    PERDURE_CHECK(wait->count() >= 0 && *wait <= std::chrono::hours{24}, "at most a day");
  }
  const auto payload = parse_json(input);
  if (!payload) return;
  const auto call = effects::read_http_call(*payload, 1'000'000);
  if (!call) {
    PERDURE_CHECK(!call.error().fields.empty(), "a refused call is told why");
    return;
  }
  check_url(call->url);
  PERDURE_CHECK(call->response_bytes_max <= 1'000'000, "answers are bounded");
  PERDURE_CHECK(call->timeout.count() > 0, "an attempt ends");
  for (const auto& [name, value] : call->headers) {
    PERDURE_CHECK(!name.empty() && !http::has_control(name) && !http::has_control(value),
                  "no field forges another");
  }
}

/// The first line is an address; each other one a network that is allowed.
void run_address_policy(std::string_view input) {
  boost::system::error_code ec;
  const auto address = ip::make_address(std::string{take_part(input, '\n')}, ec);
  std::vector<std::string> allowed;
  while (!input.empty()) allowed.emplace_back(take_part(input, '\n'));
  const auto policy = effects::AddressPolicy::parse(allowed);
  if (ec || !policy) return;
  const auto admitted = policy->admits(address);
  const auto by_default = effects::AddressPolicy::parse({})->admits(address);
  PERDURE_CHECK(admitted || !by_default, "allowing more never takes away");
  if (!by_default) return;
  PERDURE_CHECK(!address.is_loopback() && !address.is_unspecified() && !address.is_multicast(),
                "an address of this machine, or of many");
  if (!address.is_v6()) return;
  const auto v6 = address.to_v6();
  PERDURE_CHECK(!v6.is_v4_mapped() && !v6.is_link_local() && !v6.is_site_local(),
                "an address of a network nearby");
}

}  // namespace perdure::fuzz
