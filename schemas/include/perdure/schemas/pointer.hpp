// SPDX-License-Identifier: Apache-2.0
// JSON Pointers (RFC 6901): made of names, taken apart, and as URI fragments.
//
// Whoever names a member in an error makes the pointer here: names hold `/` and `~`, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// `pointer` and one more step, with `~` and `/` escaped.
[[nodiscard]] std::string append_step(std::string pointer, std::string_view step);

/// The pointer to a member of the whole.
[[nodiscard]] std::string pointer_to(std::string_view member);

/// The steps of a pointer, plain; none when the text is no pointer.
[[nodiscard]] std::optional<std::vector<std::string>> steps_of(std::string_view pointer);

/// What a fragment (percent-encoded; empty for the whole) points at; null when that is nothing.
[[nodiscard]] const Json* find_by_fragment(const Json& document, std::string_view fragment);

}  // namespace perdure
