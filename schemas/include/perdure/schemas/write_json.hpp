// SPDX-License-Identifier: Apache-2.0
// Writes JSON values as the library does, without the buffers that it sets up for each text; and
// numbers by their shortest text, which the library sometimes misses by a digit: what was sent as
// 1e23 is no 9.999999999999999e22.
#pragma once

#include <string>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// Appends what `dump_json` gives. Bytes of strings that are not UTF-8 are replaced.
void write_json(std::string& out, const Json& value);

/// Appends a string with its quotation marks, as `write_json` does.
void write_json_string(std::string& out, std::string_view text);

}  // namespace perdure
