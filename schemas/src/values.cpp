// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace perdure::values {

namespace {

using std::strong_ordering;

template <class T>
strong_ordering order(const T& a, const T& b) {
  if (a < b) return strong_ordering::less;
  return b < a ? strong_ordering::greater : strong_ordering::equal;
}

/// Exact: neither side is rounded to the other's type.
template <class Integer>
strong_ordering compare_mixed(Integer integer, double real) {
  constexpr int bits = std::numeric_limits<Integer>::digits;
  if (real >= std::ldexp(1.0, bits)) return strong_ordering::less;
  const double lowest = std::numeric_limits<Integer>::is_signed ? -std::ldexp(1.0, bits) : 0.0;
  if (real < lowest) return strong_ordering::greater;
  const double whole = std::trunc(real);
  const auto by_whole = order(integer, static_cast<Integer>(whole));
  return by_whole != 0 ? by_whole : order(whole, real);
}

template <class T>
strong_ordering compare_with(T a, const Json& b) {
  if (b.is_number_float()) return compare_mixed(a, b.get<double>());
  if (b.is_number_unsigned()) {
    if (std::is_signed_v<T> && a < T{0}) return strong_ordering::less;
    return order(static_cast<std::uint64_t>(a), b.get<std::uint64_t>());
  }
  const auto right = b.get<std::int64_t>();
  if (right < 0) {
    if (!std::is_signed_v<T>) return strong_ordering::greater;
    return order(static_cast<std::int64_t>(a), right);
  }
  if (std::is_signed_v<T> && a < T{0}) return strong_ordering::less;
  return order(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(right));
}

strong_ordering reversed(strong_ordering ordering) { return 0 <=> ordering; }

int rank(const Json& value) {
  if (value.is_null()) return 0;
  if (value.is_boolean()) return 1;
  if (value.is_number()) return 2;
  if (value.is_string()) return 3;
  return value.is_array() ? 4 : 5;
}

strong_ordering compare_arrays(const Json& a, const Json& b) {
  if (a.size() != b.size()) return order(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (const auto by_item = compare(a[i], b[i]); by_item != 0) return by_item;
  }
  return strong_ordering::equal;
}

strong_ordering compare_objects(const Json& a, const Json& b) {
  if (a.size() != b.size()) return order(a.size(), b.size());
  for (auto left = a.begin(), right = b.begin(); left != a.end(); ++left, ++right) {
    if (left.key() != right.key()) return order(left.key(), right.key());
    if (const auto by_value = compare(*left, *right); by_value != 0) return by_value;
  }
  return strong_ordering::equal;
}

}  // namespace

strong_ordering compare_numbers(const Json& a, const Json& b) {
  if (a.is_number_float()) {
    const double real = a.get<double>();
    if (b.is_number_float()) return order(real, b.get<double>());
    return b.is_number_unsigned() ? reversed(compare_mixed(b.get<std::uint64_t>(), real))
                                  : reversed(compare_mixed(b.get<std::int64_t>(), real));
  }
  return a.is_number_unsigned() ? compare_with(a.get<std::uint64_t>(), b)
                                : compare_with(a.get<std::int64_t>(), b);
}

strong_ordering compare(const Json& a, const Json& b) {
  const int kind = rank(a);
  if (kind != rank(b)) return order(kind, rank(b));
  switch (kind) {
    case 0: return strong_ordering::equal;
    case 1: return order(a.get<bool>(), b.get<bool>());
    case 2: return compare_numbers(a, b);
    case 3: return order(a.get_ref<const std::string&>(), b.get_ref<const std::string&>());
    case 4: return compare_arrays(a, b);
    default: return compare_objects(a, b);
  }
}

bool is_integer(const Json& value) {
  if (!value.is_number_float()) return value.is_number();
  const double real = value.get<double>();
  return std::isfinite(real) && std::trunc(real) == real;
}

bool is_multiple_of(const Json& value, const Json& divisor) {
  if (value.is_number_integer() && divisor.is_number_integer()) {
    const auto magnitude = [](const Json& number) {
      if (number.is_number_unsigned()) return number.get<std::uint64_t>();
      const auto integer = number.get<std::int64_t>();
      return integer < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(integer)
                         : static_cast<std::uint64_t>(integer);
    };
    return magnitude(value) % magnitude(divisor) == 0;
  }
  const double dividend = value.get<double>();
  const double by = divisor.get<double>();
  const double quotient = dividend / by;
  if (!std::isfinite(quotient)) return std::fmod(dividend, by) == 0.0;
  // Both numbers were rounded to binary once, so their quotient may be off by a few units in its
  // last place; an exact remainder would refuse 0.0075 / 0.0001.
  const double tolerance = std::abs(quotient) * 2 * std::numeric_limits<double>::epsilon();
  return std::abs(quotient - std::round(quotient)) <= tolerance;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool has_duplicates(const Json& items) {
  // Comparing all pairs needs no memory and is the quicker way for a short list.
  constexpr std::size_t pairwise_max = 16;
  const std::size_t size = items.size();
  if (size <= pairwise_max) {
    for (std::size_t i = 1; i < size; ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (compare(items[i], items[k]) == 0) return true;
      }
    }
    return false;
  }
  std::vector<const Json*> sorted;
  sorted.reserve(size);
  for (const Json& item : items) sorted.push_back(&item);
  std::ranges::sort(sorted, [](auto* a, auto* b) { return compare(*a, *b) < 0; });
  return std::ranges::adjacent_find(
             sorted, [](auto* a, auto* b) { return compare(*a, *b) == 0; }) != sorted.end();
}

}  // namespace perdure::values
