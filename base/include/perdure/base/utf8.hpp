// SPDX-License-Identifier: Apache-2.0
// Text. UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <string>
#include <string_view>

namespace perdure {

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// The text with its ASCII letters in lower case; all other bytes stay.
[[nodiscard]] std::string fold_ascii_case(std::string_view text);

}  // namespace perdure
