// SPDX-License-Identifier: Apache-2.0
#include "exact_number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace perdure {

namespace {

/// A number as its digits, without zeros at either end, and the power of ten of the last of them.
/// Zero has no digits.
struct Decimal {
  std::string digits;
  std::int64_t exponent = 0;

  bool operator==(const Decimal&) const = default;
};

/// Past it a double is 0 or too large whatever the digits are.
constexpr std::int64_t exponent_max = 1'000'000'000;

std::int64_t exponent_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error == std::errc::result_out_of_range) {
    return text.starts_with('-') ? -exponent_max : exponent_max;
  }
  return std::clamp(exponent, -exponent_max, exponent_max);
}

Decimal decimal_of(std::string_view literal) {
  Decimal decimal;
  const auto mark = literal.find_first_of("eE");
  if (mark != std::string_view::npos) decimal.exponent = exponent_of(literal.substr(mark + 1));
  bool is_fraction = false;
  for (const char c : literal.substr(0, mark)) {
    if (c == '.') is_fraction = true;
    if (c < '0' || c > '9') continue;
    decimal.exponent -= is_fraction ? 1 : 0;
    if (c != '0' || !decimal.digits.empty()) decimal.digits += c;
  }
  const auto last = decimal.digits.find_last_not_of('0');
  const auto kept = last == std::string::npos ? 0 : last + 1;
  decimal.exponent += static_cast<std::int64_t>(decimal.digits.size() - kept);
  decimal.digits.resize(kept);
  if (decimal.digits.empty()) decimal.exponent = 0;
  return decimal;
}

/// So short a number in the middle of the range has a double of its own (IEEE 754, binary64: 15
/// digits), and most numbers are.
bool is_plainly_exact(std::string_view literal) {
  return literal.size() <= std::numeric_limits<double>::digits10 &&
         literal.find_first_of("eE") == std::string_view::npos;
}

}  // namespace

bool is_kept_exactly(std::string_view literal, double value) {
  if (is_plainly_exact(literal)) return true;
  std::array<char, 32> shortest;
  const auto end = std::to_chars(shortest.data(), shortest.data() + shortest.size(), value,
                                 std::chars_format::scientific)
                       .ptr;
  const auto decimal = decimal_of(literal);
  if (decimal == decimal_of({shortest.data(), end})) return true;
  // The library's own text, which earlier versions have written, is longer now and then.
  std::array<char, 64> stored;
  const auto* stored_end =
      nlohmann::detail::to_chars(stored.data(), stored.data() + stored.size(), value);
  return decimal == decimal_of({stored.data(), stored_end});
}

}  // namespace perdure
