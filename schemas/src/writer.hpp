// SPDX-License-Identifier: Apache-2.0
// Writes numbers that are no integers.
#pragma once

#include <array>
#include <string_view>

namespace perdure {

/// The shortest text of a finite number, in the library's form; it stands in `room`.
using DoubleRoom = std::array<char, 64>;
[[nodiscard]] std::string_view write_double(double value, DoubleRoom& room);

}  // namespace perdure
