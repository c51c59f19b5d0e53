// SPDX-License-Identifier: Apache-2.0
// Writes JSON values as the library does, without the buffers that it sets up for each text.
#pragma once

#include <string>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// Appends the shortest text of `value`. Bytes of strings that are not UTF-8 are replaced.
void write_json(std::string& out, const Json& value);

}  // namespace perdure
