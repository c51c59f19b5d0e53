// SPDX-License-Identifier: Apache-2.0
#include "http/request_checks.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace perdure::http {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_alnum(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// unreserved, sub-delims and `%` of RFC 3986: what a registered name consists of.
bool is_host_char(char c) noexcept {
  return is_alnum(c) || std::string_view{"-._~!$&'()*+,;=%"}.find(c) != std::string_view::npos;
}

constexpr auto make_target_table() {
  // RFC 3986 leaves these out of URIs. Brackets stand in queries all the same, and do no harm.
  constexpr std::string_view forbidden = "#\"<>\\^`{|}";
  std::array<bool, 256> table{};
  for (unsigned c = 0x21; c < 0x7F; ++c) {
    table[c] = forbidden.find(static_cast<char>(c)) == std::string_view::npos;
  }
  return table;
}
/// The bytes that a request target may consist of.
constexpr auto target_table = make_target_table();

bool is_base64_char(char c) noexcept { return is_alnum(c) || c == '+' || c == '/'; }

bool is_valid_port(std::string_view text) noexcept {
  if (text.empty()) return true;  // RFC 3986, section 3.2.3: as if there were no colon
  std::uint16_t port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return text.size() <= 5 && read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

}  // namespace

std::optional<Method> method_from(std::string_view name) noexcept {
  constexpr std::array all{Method::get,   Method::head, Method::post,   Method::put,
                           Method::patch, Method::del,  Method::options};
  for (const auto method : all) {
    if (to_string(method) == name) return method;
  }
  return {};
}

bool is_valid_host(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const auto literal = text.substr(1, close - 1);
    if (!std::ranges::all_of(literal, [](char c) { return is_hex(c) || c == ':' || c == '.'; })) {
      return false;
    }
    const auto rest = text.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && is_valid_port(rest.substr(1)));
  }
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (name.empty() || !std::ranges::all_of(name, is_host_char)) return false;
  return colon == std::string_view::npos || is_valid_port(text.substr(colon + 1));
}

bool is_valid_content_length(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

bool is_valid_request_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
  });
}

std::optional<Refusal> normalise_target(Method method, std::string& target,
                                        std::string& authority) {
  if (!std::ranges::all_of(target, [](unsigned char c) { return target_table[c]; })) {
    return malformed("The request target contains a byte that must be percent-encoded.");
  }
  if (target.starts_with('/')) return {};
  if (target == "*") {
    if (method == Method::options) return {};
    return malformed("The request target * goes with OPTIONS only.");
  }
  const auto scheme_end = target.find("://");
  const std::string_view view{target};
  const auto scheme = view.substr(0, scheme_end == std::string::npos ? 0 : scheme_end);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) {
    return malformed("The request target is not a path.");
  }
  const auto after = view.substr(scheme_end + 3);
  const auto named = after.substr(0, after.find_first_of("/?"));
  if (!is_valid_host(named)) return malformed("The request target names no valid host.");
  // The target's authority is the one that counts (RFC 9112, section 3.2.2).
  authority = named;
  std::string origin{after.substr(named.size())};
  if (!origin.starts_with('/')) {
    if (method == Method::options && origin.empty()) {
      origin = "*";  // RFC 9112, section 3.2.4
    } else {
      origin.insert(origin.begin(), '/');
    }
  }
  target = std::move(origin);
  return {};
}

std::string_view find_origin(std::string_view head) noexcept {
  constexpr std::string_view name = "Origin:";
  constexpr std::size_t origin_bytes_max = 512;
  for (auto at = head.find('\n'); at != std::string_view::npos; at = head.find('\n')) {
    head.remove_prefix(at + 1);
    if (!equals_ignoring_case(head.substr(0, name.size()), name)) continue;
    auto value = head.substr(name.size());
    const auto end = value.find_first_of("\r\n");
    if (end == std::string_view::npos) return {};  // it may go on
    value = value.substr(0, end);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    const auto ends = std::ranges::find_if_not(value, [](char c) { return c > ' ' && c < '\x7F'; });
    return ends == value.end() && value.size() <= origin_bytes_max ? value : std::string_view{};
  }
  return {};
}

std::optional<Refusal> check_websocket_handshake(const Headers& headers) {
  const auto version = headers.find("Sec-WebSocket-Version");
  if (headers.count("Sec-WebSocket-Version") != 1 || version != "13") {
    return Refusal{426, "upgrade_required", "Only WebSocket version 13 is spoken here."};
  }
  const auto key = headers.find("Sec-WebSocket-Key").value_or("");
  const auto well_formed = headers.count("Sec-WebSocket-Key") == 1 && key.size() == 24 &&
                           key.ends_with("==") &&
                           std::ranges::all_of(key.substr(0, 22), is_base64_char);
  if (!well_formed) return malformed("Sec-WebSocket-Key is not 16 bytes in base64.");
  return {};
}

}  // namespace perdure::http
