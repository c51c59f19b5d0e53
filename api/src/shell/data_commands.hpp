// SPDX-License-Identifier: Apache-2.0
// `perdure check` and `perdure dump`: a stopped server's data, looked at.
#pragma once

#include <vector>

#include "perdure/runtime/kind.hpp"
#include "shell/command_line.hpp"

namespace perdure::shell {

/// Prints one line for each finding and a summary to standard output.
[[nodiscard]] ExitCode check(const Config& config, std::vector<Kind> kinds);

/// Prints objects, each followed by its entries, as lines of JSON to standard output.
[[nodiscard]] ExitCode dump(const Config& config, const DumpCommand& command,
                            std::vector<Kind> kinds);

}  // namespace perdure::shell
