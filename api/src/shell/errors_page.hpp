// SPDX-License-Identifier: Apache-2.0
// docs/errors.md: every code that a failure can have.
#pragma once

#include <string>
#include <vector>

#include "perdure/runtime/kind.hpp"

namespace perdure::shell {

/// Made of the table of codes (perdure/base/error_table.hpp), and of the own errors of the kinds,
/// in Markdown.
[[nodiscard]] std::string errors_as_markdown(const std::vector<Kind>& kinds);

}  // namespace perdure::shell
