// SPDX-License-Identifier: Apache-2.0
// Text. UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perdure {

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// The beginning of the text, of at most `bytes_max` bytes, that cuts no character in two. Of bytes
/// that are not UTF-8 it is some beginning, at most three bytes shorter.
[[nodiscard]] std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) noexcept;

/// The text with its ASCII letters in lower case; all other bytes stay.
[[nodiscard]] std::string fold_ascii_case(std::string_view text);

}  // namespace perdure
