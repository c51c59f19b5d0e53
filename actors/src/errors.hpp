// SPDX-License-Identifier: Apache-2.0
// The errors that handlers give, in one form.
#pragma once

#include <string>

#include "perdure/base/result.hpp"
#include "perdure/schemas/json.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::actors {

/// One broken rule of the payload. `pointer` is a JSON Pointer, such as `/section_id`, from which
/// `message` goes on (`must be a string`), so that the detail names field and rule.
[[nodiscard]] Error invalid_field(std::string pointer, std::string code, std::string message);

/// Of a create that names an id which is not new.
[[nodiscard]] Error id_is_taken(const std::string& id);

/// Errors  invalid  `payload` is not an object.
[[nodiscard]] Result<void> require_object(const Json& payload);

/// The text in a member. Errors: invalid (absent, not a string).
[[nodiscard]] Result<std::string> required_text(const Json& payload, const std::string& member);

}  // namespace perdure::actors
