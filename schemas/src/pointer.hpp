// SPDX-License-Identifier: Apache-2.0
// JSON Pointers (RFC 6901), as text and as URI fragments.
#pragma once

#include <string>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// `pointer` and one more step, with `~` and `/` escaped.
[[nodiscard]] std::string append_step(std::string pointer, std::string_view step);

/// What a fragment (percent-encoded; empty for the whole) points at; null when that is nothing.
[[nodiscard]] const Json* find_by_fragment(const Json& document, std::string_view fragment);

}  // namespace perdure
