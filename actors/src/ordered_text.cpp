// SPDX-License-Identifier: Apache-2.0
#include "ordered_text.hpp"

#include <algorithm>
#include <bit>

#include "perdure/base/crypto.hpp"
#include "perdure/runtime/entries.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t ordered_bytes_max = 128;
constexpr std::size_t plain_bytes_max = 48;
constexpr char end_of_text = '\x1f';
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

std::string ordered_number(double number) {
  if (number == 0) number = 0;  // -0.0 and 0.0 are one position
  const auto bits = std::bit_cast<std::uint64_t>(number);
  // IEEE 754 numbers sort as their bits, negative ones the other way round.
  return ordered_key((bits & sign_bit) != 0 ? ~bits : bits | sign_bit);
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string ordered_text(const Json& value) {
  if (value.is_null()) return "0";
  if (value.is_number()) return '1' + ordered_number(value.get<double>());
  std::string text = '2' + value.get<std::string>().substr(0, ordered_bytes_max);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text + end_of_text;
}

std::string ordered_text(std::int64_t number) {
  return ordered_key(static_cast<std::uint64_t>(number) ^ sign_bit);
}

std::string equal_text(std::string_view value) {
  if (!value.empty() && value.size() <= plain_bytes_max && std::ranges::all_of(value, is_plain)) {
    return std::string{value};
  }
  const Sha256 digest = sha256(value);
  return '#' + to_hex(bytes_of(digest).substr(0, 16));
}

}  // namespace perdure::actors
