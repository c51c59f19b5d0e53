// SPDX-License-Identifier: Apache-2.0
// Values as text for the keys of index rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure::actors {

/// Text that sorts as the values do: null, then numbers (as doubles), then strings by their first
/// 128 bytes. No text is the beginning of another one. Control characters in strings sort as one.
[[nodiscard]] std::string ordered_text(const Json& value);

/// 16 hex digits that sort as the numbers do, negative ones first.
[[nodiscard]] std::string ordered_text(std::int64_t number);

/// Text that is equal when the values are: short plain text as it is, all else by its SHA-256.
[[nodiscard]] std::string equal_text(std::string_view value);

}  // namespace perdure::actors
