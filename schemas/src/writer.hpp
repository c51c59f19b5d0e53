// SPDX-License-Identifier: Apache-2.0
// Writes JSON values as the library does, without the buffers that it sets up for each text; and
// numbers by their shortest text, which the library sometimes misses by a digit: what was sent as
// 1e23 is no 9.999999999999999e22.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// Appends the shortest text of `value`. Bytes of strings that are not UTF-8 are replaced.
void write_json(std::string& out, const Json& value);

/// The shortest text of a finite number, in the library's form; it stands in `room`.
using DoubleRoom = std::array<char, 64>;
[[nodiscard]] std::string_view write_double(double value, DoubleRoom& room);

}  // namespace perdure
