// SPDX-License-Identifier: Apache-2.0
// The bound of a root state, whatever its members' own bounds are: those of text count characters.
#pragma once

#include "perdure/base/result.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::runtime {

/// `bytes` is what `root` takes in its shortest form.
/// Errors: too_large, naming the member that takes the most (rule `bytes`).
[[nodiscard]] Result<void> check_root_size(const Json& root, std::size_t bytes);

}  // namespace perdure::runtime
