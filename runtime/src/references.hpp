// SPDX-License-Identifier: Apache-2.0
// References between objects (ReferenceDefinition), and what goes along with the deletion of what
// is referred to.
//
//   $remove of a goal        rows of `$along.parent_goal_id` say which goals go along; each gets a
//                            message `$remove {along_with}`, a batch in each turn
//   $undelete of a goal      rows of `$went_along` say which were deleted with it; each gets
//                            `$undelete {along_with}`
//
// Messages are of the turn's own commit, so a crash leaves no half of a family behind. The last
// message of a batch carries `after`: its turn sends the next batch.
#pragma once

#include <string>

#include "perdure/runtime/kind.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

/// So many steps a reference is followed to look for a cycle.
inline constexpr std::size_t reference_steps_max = 100;
/// Messages that one turn sends to what goes along.
inline constexpr std::size_t along_at_once = 100;

namespace index_names {
/// By the object that they were deleted with.
inline constexpr std::string_view went_along = "$went_along";
}  // namespace index_names

/// The index of live objects by what they go along with, through one field.
[[nodiscard]] std::string along_index(const std::string& field);
/// The key of all rows for an object, by its id or its text form.
[[nodiscard]] std::string along_key(std::string_view text);

/// Which objects go along with those of a kind.
[[nodiscard]] Dependents find_dependents(const std::vector<Kind>& kinds);

/// Checks the references that differ between two states of the draft's object; `before` is null for
/// a new one. Errors: invalid (unknown_reference, reference_cycle), those of the store.
[[nodiscard]] Result<void> check_references(const Draft& draft, const Json& before,
                                            const Json& after);

/// Whether a command comes from the deletion or return of another object.
[[nodiscard]] bool is_along(const Envelope& envelope);
/// The object along with which the call's is deleted or comes back. Shape: is_along.
[[nodiscard]] ObjectId whole_of(const Envelope& envelope);
/// Whether the call's object still has to go: it may have been deleted, or have come back, before.
[[nodiscard]] bool still_goes_along(const Envelope& envelope, const Version& newest);
/// Changes nothing, but goes on with the batch. Errors: those of the store.
[[nodiscard]] Result<Decision> stay_behind(const Envelope& envelope, const Version& newest,
                                           const TurnSurroundings& around);
/// Has the objects that depend on the call's deleted, or brought back. Errors: those of the store.
[[nodiscard]] Result<void> take_along(const Envelope& envelope, const TurnSurroundings& around,
                                      TurnContext& turn);

}  // namespace perdure::runtime
