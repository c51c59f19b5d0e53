// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/uri.hpp"

#include <cstddef>

#include "perdure/base/crypto.hpp"

namespace perdure {

namespace {

/// Cuts one dot off, in either form; false when the text begins with something else.
bool take_dot(std::string_view& text) noexcept {
  constexpr std::string_view encoded = "%2e";
  const bool is_encoded = text.size() >= encoded.size() && text[0] == '%' && text[1] == '2' &&
                          (text[2] == 'e' || text[2] == 'E');
  if (!is_encoded && !text.starts_with('.')) return false;
  text.remove_prefix(is_encoded ? encoded.size() : 1);
  return true;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                            (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto byte = text.size() - i < 3 ? std::nullopt : from_hex(text.substr(i + 1, 2));
    if (!byte) return {};
    decoded += *byte;
    i += 2;
  }
  return decoded;
}

bool is_dot_segment(std::string_view text) noexcept {
  if (!take_dot(text)) return false;
  static_cast<void>(take_dot(text));
  return text.empty();
}

}  // namespace perdure
