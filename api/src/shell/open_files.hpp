// SPDX-License-Identifier: Apache-2.0
// How many files and connections this process may have open.
#pragma once

#include <cstdint>

namespace perdure::shell {

/// Raises the soft limit to the hard one: shells start programs with 1,024, which is a bound for
/// select(2) and of no use here.
/// Returns  the limit that holds now.
std::uint64_t raise_open_files_limit();

/// How many connections a process may have that needs `others` files beside them, and a few in any
/// case: past what fits, no connection can be accepted, and no file be opened.
std::uint64_t connections_that_fit(std::uint64_t limit, std::uint64_t others);

}  // namespace perdure::shell
