// SPDX-License-Identifier: Apache-2.0
// Reads JSON texts that are in order, in one pass over contiguous bytes; what it refuses, the
// library's parser judges again, and words the reason.
#pragma once

#include <cstddef>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// True when `text` is one JSON text, nested at most `depth_max` deep, and `value` is what the
/// library would have made of it. False says nothing: the library may take it all the same.
[[nodiscard]] bool read_quickly(std::string_view text, std::size_t depth_max, Json& value);

}  // namespace perdure
