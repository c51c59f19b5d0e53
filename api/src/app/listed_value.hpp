// SPDX-License-Identifier: Apache-2.0
// One of the values of a parameter that takes several, between commas (listed_values).
//
// In a value `\,` is a comma and `\\` a backslash; before anything else a backslash stands for
// itself. The value `null` is none; `\null` is the text `null`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdure::api {

/// None for `null`.
[[nodiscard]] std::optional<std::string> read_listed_value(std::string_view written);

}  // namespace perdure::api
