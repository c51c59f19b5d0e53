// SPDX-License-Identifier: Apache-2.0
#include "effects/http_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/url.hpp>
#include <charconv>
#include <ctime>

#include "http/control_bytes.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/base/uri.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::effects {

namespace {

constexpr std::size_t url_bytes_max = 8'192;
constexpr std::size_t headers_max = 100;
constexpr std::size_t header_bytes_max = 8'192;
constexpr std::int64_t timeout_ms_max = 10 * 60 * 1'000;
constexpr int redirects_followed = 5;

constexpr std::array methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
constexpr std::array members{
    "method",      "url",        "headers",   "body",       "json",
    "body_base64", "timeout_ms", "follow",    "any_status", "response_bytes_max",
    "truncate",    "not_after",  "not_before"};
// Set by the connection that they belong to.
constexpr std::array own_headers{
    "host",    "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
    "trailer", "expect",         "proxy-connection"};

Unexpected refuse(std::string pointer, std::string code, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = fmt::format("{}: {}", pointer, message)};
  error.fields.push_back({std::move(pointer), std::move(code), std::move(message)});
  return fail(std::move(error));
}

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

Result<void> read_headers(const Json& json, HttpCall& call) {
  if (!json.is_object() || json.size() > headers_max) {
    return refuse("/headers", "type", fmt::format("is an object of at most {} texts", headers_max));
  }
  for (const auto& [name, value] : json.items()) {
    const auto pointer = append_step("/headers", name);
    if (!is_token(name)) return refuse(pointer, "format", "is no name of a header field");
    if (std::ranges::count(own_headers, fold_ascii_case(name)) > 0) {
      return refuse(pointer, "not_allowed", "belongs to the connection and cannot be set");
    }
    if (!value.is_string() || value.get_ref<const std::string&>().size() > header_bytes_max) {
      return refuse(pointer, "type", fmt::format("is text of at most {} bytes", header_bytes_max));
    }
    const auto& text = value.get_ref<const std::string&>();
    if (http::has_control(text)) return refuse(pointer, "format", "has a control byte");
    call.headers.emplace_back(name, text);
  }
  return {};
}

bool has_header(const HttpCall& call, std::string_view name) {
  return std::ranges::any_of(
      call.headers, [&](const auto& header) { return fold_ascii_case(header.first) == name; });
}

Result<void> read_body(const Json& payload, HttpCall& call) {
  const auto given = [&](const char* name) {
    const auto found = payload.find(name);
    return found != payload.end() && (name == std::string_view{"json"} || !found->is_null());
  };
  if (given("body") + given("json") + given("body_base64") > 1) {
    return refuse("/body", "combination", "stands beside neither json nor body_base64");
  }
  if (given("json")) {
    call.body = dump_json(payload["json"]);
    if (!has_header(call, "content-type")) {
      call.headers.emplace_back("Content-Type", "application/json");
    }
  }
  if (given("body")) {
    if (!payload["body"].is_string()) return refuse("/body", "type", "is text");
    call.body = payload["body"];
  }
  if (given("body_base64")) {
    auto bytes = payload["body_base64"].is_string()
                     ? from_base64(payload["body_base64"].get_ref<const std::string&>())
                     : std::nullopt;
    if (!bytes) return refuse("/body_base64", "format", "is base64 (RFC 4648, section 4)");
    call.body = std::move(*bytes);
  }
  return {};
}

Result<std::int64_t> read_number(const Json& payload, const char* name, std::int64_t otherwise,
                                 std::int64_t least, std::int64_t most) {
  const auto found = payload.find(name);
  if (found == payload.end() || found->is_null()) return otherwise;
  const auto number = whole_number(*found);
  if (!number || *number < least || *number > most) {
    return refuse(pointer_to(name), "range",
                  fmt::format("is a whole number from {} to {}", least, most));
  }
  return *number;
}

Result<bool> read_flag(const Json& payload, const char* name) {
  const auto found = payload.find(name);
  if (found == payload.end() || found->is_null()) return false;
  if (!found->is_boolean()) return refuse(pointer_to(name), "type", "is true or false");
  return found->get<bool>();
}

bool is_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && rest == text.data() + text.size() && number != 0;
}

/// Looked at first: Boost.URL 1.81 asserts where a single byte that fits no path follows a scheme.
Result<void> check_scheme(std::string_view text) {
  const auto end = text.find_first_of(":/?#");
  const bool is_relative = end == std::string_view::npos || text[end] != ':';
  const auto begin = fold_ascii_case(text.substr(0, std::string_view{"https://"}.size()));
  if (is_relative || begin.starts_with("http://") || begin == "https://") return {};
  return refuse("/url", "scheme", "begins with http:// or https://");
}

/// A URL with characters beyond ASCII as it is sent: the host as DNS has it, all others as %HH.
std::optional<std::string> to_ascii_url(std::string_view text) {
  const auto is_beyond = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  if (std::ranges::none_of(text, is_beyond)) return std::string{text};
  std::string url;
  const auto scheme_end = text.find("://");
  if (scheme_end != std::string_view::npos) {
    const auto begin = scheme_end + std::string_view{"://"}.size();
    const auto host = text.substr(begin, text.find_first_of(":/?#", begin) - begin);
    url = text.substr(0, begin);
    if (std::ranges::any_of(host, is_beyond)) {
      const auto ascii = host_to_ascii(host);
      if (!ascii) return {};
      url += *ascii;
    } else {
      url += host;
    }
    text.remove_prefix(begin + host.size());
  }
  for (const char c : text) {
    if (is_beyond(c)) {
      url += percent_encode({&c, 1});
    } else {
      url += c;
    }
  }
  return url;
}

Result<Url> url_from(const boost::urls::url_view& parsed) {
  const bool is_plain = parsed.scheme_id() == boost::urls::scheme::http;
  Url url{.scheme = is_plain ? Url::Scheme::http : Url::Scheme::https};
  if (parsed.has_userinfo()) return refuse("/url", "credentials", "has no user and password");
  if (parsed.host().empty()) return refuse("/url", "host", "names a host");
  if (parsed.host_type() == boost::urls::host_type::ipvfuture) {
    return refuse("/url", "host", "names a host that is no address of a future kind");
  }
  url.host = std::string{parsed.host_address()};
  const bool fits = std::ranges::all_of(
      url.host, [](char c) { return c > ' ' && c < '\x7f' && c != '/' && c != '@'; });
  if (!fits || url.host.size() > 255) return refuse("/url", "host", "names a host");
  const std::string usual = url.scheme == Url::Scheme::http ? "80" : "443";
  url.port = parsed.has_port() && !parsed.port().empty() ? std::string{parsed.port()} : usual;
  if (!is_port(url.port)) return refuse("/url", "port", "has a port from 1 to 65535");
  url.authority = std::string{parsed.encoded_host()};
  if (url.port != usual) url.authority += ":" + url.port;
  url.target = std::string{std::string_view{parsed.encoded_path()}};
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  if (parsed.has_query()) {
    url.target += '?';
    url.target += std::string_view{parsed.encoded_query()};
  }
  return url;
}

/// In today's form, and in the two of earlier days (RFC 9110, 5.6.7).
std::optional<Timestamp> read_http_date(const std::string& text) {
  for (const auto* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    return from_unix_ms(static_cast<std::int64_t>(timegm(&parts)) * 1'000);
  }
  return {};
}

}  // namespace

std::string Url::text() const {
  return (scheme == Scheme::http ? "http://" : "https://") + authority + target;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > url_bytes_max) {
    return refuse("/url", "too_long", fmt::format("has at most {} bytes", url_bytes_max));
  }
  PERDURE_TRY_VOID(check_scheme(text));
  const auto ascii = to_ascii_url(text);
  if (!ascii) return refuse("/url", "host", "names a host");
  const auto parsed = boost::urls::parse_uri(*ascii);
  if (!parsed) return refuse("/url", "format", "is no absolute URL");
  return url_from(*parsed);
}

Result<Url> resolve_url(const Url& base, std::string_view location) {
  if (location.size() > url_bytes_max) return refuse("/url", "too_long", "is too long");
  PERDURE_TRY_VOID(check_scheme(location));
  const auto ascii = to_ascii_url(location);
  if (!ascii) return refuse("/url", "host", "names a host");
  const auto reference = boost::urls::parse_uri_reference(*ascii);
  const auto base_text = base.text();
  const auto from = boost::urls::parse_uri(base_text);
  if (!reference || !from) return refuse("/url", "format", "is no URL");
  boost::urls::url whole;
  const boost::urls::url_view base_view = *from;
  if (!boost::urls::resolve(base_view, *reference, whole)) {
    return refuse("/url", "format", "is no URL");
  }
  return parse_url(std::string_view{whole.buffer()});
}

namespace {

Result<std::optional<Timestamp>> read_moment(const Json& payload, const char* member) {
  const auto found = payload.find(member);
  if (found == payload.end() || found->is_null()) return std::optional<Timestamp>{};
  const auto time = found->is_string() ? parse_rfc3339(found->get_ref<const std::string&>())
                                       : Result<Timestamp>{fail(ErrorCode::malformed, "")};
  if (!time) return refuse(pointer_to(member), "format", "is a date-time (RFC 3339)");
  return std::optional{*time};
}

}  // namespace

Result<HttpCall> read_http_call(const Json& payload, std::size_t response_bytes_max) {
  if (!payload.is_object()) return refuse("", "type", "is an object");
  for (const auto& [name, value] : payload.items()) {
    if (std::ranges::count(members, name) == 0) {
      return refuse(pointer_to(name), "unknown_member", "is no member of an HTTP call");
    }
  }
  HttpCall call;
  const auto method = payload.value("method", Json("GET"));
  if (!method.is_string() || std::ranges::count(methods, method.get<std::string>()) == 0) {
    return refuse("/method", "enum", fmt::format("is one of {}", fmt::join(methods, ", ")));
  }
  call.method = method;
  const auto url = payload.find("url");
  if (url == payload.end() || !url->is_string()) return refuse("/url", "required", "is text");
  PERDURE_TRY(parsed, parse_url(url->get_ref<const std::string&>()));
  call.url = std::move(parsed);
  if (const auto headers = payload.find("headers"); headers != payload.end()) {
    if (!headers->is_null()) PERDURE_TRY_VOID(read_headers(*headers, call));
  }
  PERDURE_TRY_VOID(read_body(payload, call));
  PERDURE_TRY(timeout, read_number(payload, "timeout_ms", call.timeout.count(), 1, timeout_ms_max));
  call.timeout = Milliseconds{timeout};
  PERDURE_TRY(follow, read_flag(payload, "follow"));
  call.redirects_max = follow ? redirects_followed : 0;
  PERDURE_TRY(any_status, read_flag(payload, "any_status"));
  call.any_status = any_status;
  PERDURE_TRY(truncate, read_flag(payload, "truncate"));
  call.truncate = truncate;
  const auto ceiling = static_cast<std::int64_t>(response_bytes_max);
  PERDURE_TRY(bytes, read_number(payload, "response_bytes_max", ceiling, 0, ceiling));
  call.response_bytes_max = static_cast<std::size_t>(bytes);
  PERDURE_TRY(not_after, read_moment(payload, "not_after"));
  PERDURE_TRY(not_before, read_moment(payload, "not_before"));
  call.not_after = not_after;
  call.not_before = not_before;
  return call;
}

std::optional<std::chrono::seconds> retry_after_of(const Json& headers, Timestamp now) {
  const auto text = [&](const char* name) -> const std::string* {
    const auto found = headers.find(name);
    if (found == headers.end() || !found->is_string()) return nullptr;
    return &found->get_ref<const std::string&>();
  };
  const auto* wait = text("retry-after");
  if (wait == nullptr) return {};
  const auto* date = text("date");
  const auto sent = date != nullptr ? read_http_date(*date) : std::nullopt;
  return read_retry_after(*wait, sent.value_or(now));
}

std::optional<std::chrono::seconds> read_retry_after(std::string_view value, Timestamp now) {
  constexpr std::chrono::seconds longest = std::chrono::hours{24};
  std::int64_t seconds = 0;
  const auto* end = value.data() + value.size();
  const auto [rest, failure] = std::from_chars(value.data(), end, seconds);
  if (failure == std::errc::result_out_of_range) return longest;
  if (failure == std::errc{} && rest == end) {
    return std::clamp(std::chrono::seconds{seconds}, std::chrono::seconds{0}, longest);
  }
  const auto date = read_http_date(std::string{value});
  if (!date) return {};
  const auto wait = std::chrono::ceil<std::chrono::seconds>(*date - now);
  return std::clamp(wait, std::chrono::seconds{0}, longest);
}

}  // namespace perdure::effects
