// SPDX-License-Identifier: Apache-2.0
// Whether a double keeps the number that a text says.
#pragma once

#include <string_view>

namespace perdure {

/// Whether `value`, which was read from `literal`, is written as the same number again: 0.1 is, as
/// its shortest text is 0.1; a number with a 20th digit is not, nor one that became 0. So is what
/// earlier versions have written of a double, which was not always its shortest text.
///
/// Shape  `literal` is a number of RFC 8259; `value` is finite.
[[nodiscard]] bool is_kept_exactly(std::string_view literal, double value);

}  // namespace perdure
