// SPDX-License-Identifier: Apache-2.0
// How many files and connections this process may have open.
#pragma once

#include <cstdint>

namespace perdure::shell {

/// Raises the soft limit to the hard one: shells start programs with 1,024, which is a bound for
/// select(2) and of no use here.
/// Returns  the limit that holds now.
std::uint64_t raise_open_files_limit();

}  // namespace perdure::shell
