// SPDX-License-Identifier: Apache-2.0
// The table of topics in docs/events.md.
#pragma once

#include <string>

namespace perdure::shell {

/// Every topic that the server's kinds publish, made of their declarations, in Markdown.
[[nodiscard]] std::string topics_as_markdown();

}  // namespace perdure::shell
