// SPDX-License-Identifier: Apache-2.0
// docs/errors.md: every code that a failure can have.
#pragma once

#include <string>

namespace perdure::shell {

/// Made of the table of codes (perdure/base/error_table.hpp), in Markdown.
[[nodiscard]] std::string errors_as_markdown();

}  // namespace perdure::shell
