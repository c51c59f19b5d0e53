// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace perdure {

namespace {

struct Lead {
  std::size_t length;       // 0: not a lead byte
  std::uint8_t low = 0x80;  // bounds of the second byte (RFC 3629, section 4)
  std::uint8_t high = 0xBF;
};

Lead classify(std::uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

/// Where the ASCII characters that `text` has from `at` on end, or up to seven before that.
std::size_t past_ascii(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint64_t highs = 0x8080808080808080;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & highs) != 0) break;
  }
  return at;
}

}  // namespace

bool is_valid_utf8(std::string_view text) noexcept {
  std::size_t i = past_ascii(text, 0);
  while (i < text.size()) {
    const auto at = [&](std::size_t k) { return static_cast<std::uint8_t>(text[k]); };
    const Lead lead = classify(at(i));
    if (lead.length == 0 || i + lead.length > text.size()) return false;
    if (lead.length > 1 && (at(i + 1) < lead.low || at(i + 1) > lead.high)) return false;
    for (std::size_t k = 2; k < lead.length; ++k) {
      if ((at(i + k) & 0xC0) != 0x80) return false;
    }
    i += lead.length;
  }
  return true;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max) return text;
  constexpr std::size_t inner_bytes_max = 3;
  const auto is_inner = [&](std::size_t k) {
    return (static_cast<std::uint8_t>(text[k]) & 0xC0) == 0x80;
  };
  auto end = bytes_max;
  while (end > 0 && bytes_max - end < inner_bytes_max && is_inner(end)) --end;
  return text.substr(0, end);
}

std::string fold_ascii_case(std::string_view text) {
  std::string folded{text};
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

}  // namespace perdure
