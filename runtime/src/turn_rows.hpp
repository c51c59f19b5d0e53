// SPDX-License-Identifier: Apache-2.0
// What a turn does to the rows and claims that follow from its object's state.
#pragma once

#include "turn_runner.hpp"

namespace perdure::runtime {

/// An object before a turn; `root` is root_of(version).
struct FormerObject {
  const Version& version;
  const Json& root;
};

/// Adds what turns the rows, counts and claims of an object into those after; null: it is purged.
/// An object that a build has not come to gets all of them, and its mark.
/// Errors: conflict (a unique field); those of the store.
[[nodiscard]] Result<void> change_rows_of_turn(const Envelope& envelope,
                                               const TurnSurroundings& around,
                                               const FormerObject& before, const ObjectForm* after,
                                               storage::WriteSet& write_set);

}  // namespace perdure::runtime
