// SPDX-License-Identifier: Apache-2.0
// HttpCall: an effect's payload, read and checked.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdure/base/result.hpp"
#include "perdure/base/time.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::effects {

/// The parts of an http or https URL that a call needs.
struct Url {
  enum class Scheme { http, https } scheme = Scheme::http;
  std::string host;       ///< a name, or an address without brackets
  std::string port;       ///< digits
  std::string authority;  ///< for the Host field: without the scheme's own port
  std::string target;     ///< path and query; at least `/`

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool same_origin(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

/// Errors  invalid (`/url`): no URL (RFC 3986), another scheme, user or password, no host, port 0.
[[nodiscard]] Result<Url> parse_url(std::string_view text);
/// Where a redirect's Location leads, which may be relative. Errors: as parse_url.
[[nodiscard]] Result<Url> resolve_url(const Url& base, std::string_view location);

struct HttpCall {
  std::string method = "GET";
  Url url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  Milliseconds timeout = std::chrono::seconds{30};
  int redirects_max = 0;
  bool any_status = false;
  std::size_t response_bytes_max = 0;
  bool truncate = false;
  std::optional<Timestamp> not_after = {};
  std::optional<Timestamp> not_before = {};  ///< the clock was set back since it was asked for
};

/// Errors  invalid, with the field that breaks a rule.
[[nodiscard]] Result<HttpCall> read_http_call(const Json& payload, std::size_t response_bytes_max);

/// What a Retry-After field says (RFC 9110, 10.2.3), from now on; at most a day.
[[nodiscard]] std::optional<std::chrono::seconds> read_retry_after(std::string_view value,
                                                                   Timestamp now);

/// The same of a response's fields (names in lower case). A date is seen from the response's own
/// `Date`: the sender's clock may be another one than `now` was read from.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after_of(const Json& headers,
                                                                 Timestamp now);

}  // namespace perdure::effects
