// SPDX-License-Identifier: Apache-2.0
// What a store tells of the programs that wrote to it before.
//
// The format of a data directory rises when rows come in that a program of before does not keep: it
// would write beside them, and leave them wrong. An opening that raises the format notes its epoch.
// Rows that follow from others, and were last made whole in an earlier epoch, may be stale.
#pragma once

#include <string_view>

namespace perdure::storage {

/// `Store::count` of it is the epoch of the last opening that found a lower format, or the format
/// lost; 0: there was none.
inline constexpr std::string_view raised_count = "format_raised";

}  // namespace perdure::storage
