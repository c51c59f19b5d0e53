// SPDX-License-Identifier: Apache-2.0
// What JSON Schema means by "equal", "integer", "multiple of" and "length". The JSON library's own
// comparison turns 64-bit integers into doubles, so that 2^53 and 2^53 + 1 would be equal.
#pragma once

#include <compare>
#include <cstddef>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure::values {

/// A total order in which values are equal exactly when JSON Schema says so (1 equals 1.0).
[[nodiscard]] std::strong_ordering compare(const Json& a, const Json& b);

/// Shape  both are numbers.
[[nodiscard]] std::strong_ordering compare_numbers(const Json& a, const Json& b);

/// A number without a fraction, however it is written.
[[nodiscard]] bool is_integer(const Json& value);

/// Shape  both are numbers, `divisor` > 0. Decimal fractions count as what they were written as:
///        0.0075 is a multiple of 0.0001.
[[nodiscard]] bool is_multiple_of(const Json& value, const Json& divisor);

/// Shape  `text` is valid UTF-8.
[[nodiscard]] std::size_t count_code_points(std::string_view text);

/// Shape  `items` is an array.
[[nodiscard]] bool has_duplicates(const Json& items);

}  // namespace perdure::values
