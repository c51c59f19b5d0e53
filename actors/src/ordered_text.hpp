// SPDX-License-Identifier: Apache-2.0
// Values as text for the keys of index rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure::actors {

/// Text that sorts as the values do: null, then numbers (as doubles), then strings by the code
/// points of their normal form (NFC), whole up to 2,048 bytes: 500 characters of any script. No
/// text is the beginning of another one, if behind each stands something that begins with a hex
/// digit.
[[nodiscard]] std::string ordered_text(const Json& value);

/// The same as versions up to 0.1.0 wrote it: strings by their first 128 bytes as they were, with
/// control characters as blanks. Rows of items have it until the item changes.
[[nodiscard]] std::string earlier_ordered_text(const Json& value);

/// 16 hex digits that sort as the numbers do, negative ones first.
[[nodiscard]] std::string ordered_text(std::int64_t number);

/// Text that is equal when the values are: short plain text as it is, all else by its SHA-256.
[[nodiscard]] std::string equal_text(std::string_view value);

}  // namespace perdure::actors
