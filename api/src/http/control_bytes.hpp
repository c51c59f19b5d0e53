// SPDX-License-Identifier: Apache-2.0
// Looks for control bytes in header text, eight bytes at a time: every byte of every request and
// response passes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace perdure::http {

/// 0x00 to 0x1F but for TAB, and 0x7F: what no header line may contain.
[[nodiscard]] constexpr bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7F;
}

namespace detail {

/// True when one of the eight bytes is below 0x20 (a TAB, too) or 0x7F.
[[nodiscard]] constexpr bool may_hold_control(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = ones * 0x80;
  const auto below_space = (word - ones * 0x20) & ~word;
  const auto folded = word ^ (ones * 0x7F);
  const auto is_delete = (folded - ones) & ~folded;
  return ((below_space | is_delete) & highs) != 0;
}

}  // namespace detail

[[nodiscard]] inline bool has_control(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    if (!detail::may_hold_control(word)) continue;
    for (const char c : text.substr(at, sizeof word)) {
      if (is_control(c)) return true;
    }
  }
  for (; at < text.size(); ++at) {
    if (is_control(text[at])) return true;
  }
  return false;
}

}  // namespace perdure::http
