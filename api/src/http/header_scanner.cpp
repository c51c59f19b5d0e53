// SPDX-License-Identifier: Apache-2.0
#include "http/header_scanner.hpp"

#include <cstring>

#include "http/control_bytes.hpp"

namespace perdure::http {

namespace {

/// Room in the request line for the method, the version and two spaces.
constexpr std::size_t request_line_overhead = 64;

constexpr Refusal url_too_long{414, "uri_too_long", "The request target is too long."};
/// Of a method that is known: a longer one is none of them (RFC 9112, section 3).
constexpr std::size_t method_bytes_max = 16;

constexpr Refusal method_unknown{501, "not_implemented", "The request method is not implemented."};
constexpr Refusal header_too_large{431, "headers_too_large", "The request header is too large."};

/// Of a request line that is too long: where its method ends shows which part is.
Refusal line_too_long(std::string_view line) {
  const auto method = line.substr(0, method_bytes_max + 1);
  return method.find(' ') == std::string_view::npos ? method_unknown : url_too_long;
}

}  // namespace

std::optional<Refusal> HeaderScanner::advance(std::string_view input) {
  while (!complete()) {
    const auto* found = seen_ < input.size()
                            ? std::memchr(input.data() + seen_, '\n', input.size() - seen_)
                            : nullptr;
    if (found == nullptr) {
      seen_ = input.size();
      return check_partial(input.substr(line_at_, seen_ - line_at_));
    }
    const auto next = static_cast<std::size_t>(static_cast<const char*>(found) - input.data()) + 1;
    seen_ = next;
    const auto line = input.substr(line_at_, next - 1 - line_at_);
    if (auto refusal = take_line(line, next)) return refusal;
  }
  return {};
}

std::optional<Refusal> HeaderScanner::take_line(std::string_view line, std::size_t next) {
  if (line.empty() || line.back() != '\r') return malformed("A header line ends without CRLF.");
  line.remove_suffix(1);
  if (line.empty()) {
    if (lines_ > 0) {
      end_ = next;
      if (end_ - begin_ > limits_.header_bytes_max) return header_too_large;
      return {};
    }
    // RFC 9112, section 2.2: a client may send one empty line after a body.
    if (begin_ > 0) return malformed("Empty lines stand before the request line.");
    begin_ = line_at_ = next;
    return {};
  }
  if (lines_ == 0 && line.size() > limits_.url_bytes_max + request_line_overhead) {
    return line_too_long(line);
  }
  if (lines_ > 0 && (line.front() == ' ' || line.front() == '\t')) {
    return malformed("A header field is folded over lines.");
  }
  if (has_control(line)) {
    return malformed("The header contains a control byte.");
  }
  if (lines_ > limits_.header_fields_max) return header_too_large;
  ++lines_;
  line_at_ = next;
  if (next - begin_ > limits_.header_bytes_max) return header_too_large;
  return {};
}

std::optional<Refusal> HeaderScanner::check_partial(std::string_view line) const {
  if (lines_ == 0) {
    if (line.size() > limits_.url_bytes_max + request_line_overhead) return line_too_long(line);
    return {};
  }
  if (seen_ - begin_ > limits_.header_bytes_max) return header_too_large;
  return {};
}

void HeaderScanner::restart() noexcept { begin_ = end_ = line_at_ = seen_ = lines_ = 0; }

}  // namespace perdure::http
