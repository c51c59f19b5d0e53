// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace perdure {

/// Empties what is kept, and gives its memory back. `kept = {}` does not: a string that is assigned
/// an empty one keeps what it had allocated.
template <class T>
void let_go(T& kept) noexcept {
  const T dropped = std::exchange(kept, T{});
}

}  // namespace perdure
