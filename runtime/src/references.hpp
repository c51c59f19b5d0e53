// SPDX-License-Identifier: Apache-2.0
// References between objects (ReferenceDefinition): checked in the turn that sets them.
//
// What a turn reads of other objects may change before it commits. Where that would break a rule,
// the commit relies on it (Reliance): the turn runs again if the other object has moved on. These
// are all objects above one through a reference to its own kind, for they must never lead back to
// it, and what it goes along with, for that must not be deleted without it. Anything else that is
// deleted at the same time reads as null, as it would a moment later.
#pragma once

#include <string>

#include "turn_runner.hpp"

namespace perdure::runtime {

/// So many steps a reference is followed to look for a cycle.
inline constexpr std::size_t reference_steps_max = 100;

/// Checks the references that differ between two states of the draft's object; `before` is null for
/// a new one. A restored past state may name what is gone meanwhile, but never forms a cycle.
/// Errors: invalid (unknown_reference, reference_cycle), those of the store.
[[nodiscard]] Result<void> check_references(const Draft& draft, const Json& before,
                                            const Json& after, Reliances& relies_on);

/// The newest record of an object, deleted or not; none for what never was. Errors: the store's.
[[nodiscard]] Result<std::optional<Record>> newest_record(const storage::StoreReader& store,
                                                          const ObjectId& object);

}  // namespace perdure::runtime
