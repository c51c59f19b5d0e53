// SPDX-License-Identifier: Apache-2.0
// equal_text: a value as a part of an entry's key.
#pragma once

#include <string>
#include <string_view>

namespace perdure::actors {

/// Text that is equal when the values are: short plain text as it is, all else by its SHA-256.
[[nodiscard]] std::string equal_text(std::string_view value);

}  // namespace perdure::actors
