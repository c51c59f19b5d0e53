// SPDX-License-Identifier: Apache-2.0
// JSON values as text, appended to what is there.
#pragma once

#include <string>

#include "perdure/schemas/json.hpp"

namespace perdure::api {

/// Appends what dump_json would give; whole numbers, the usual small replies, without a detour.
void append_json(std::string& out, const Json& value);

}  // namespace perdure::api
