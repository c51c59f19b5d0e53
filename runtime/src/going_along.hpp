// SPDX-License-Identifier: Apache-2.0
// Going along: what is deleted with the object that it refers to, and comes back with it.
//
//   1. `$remove` or `$undelete` of a goal makes its record, and sends `$take_along` to itself.
//   2. `$take_along` finds who goes: rows of `$along.parent_goal_id` say it of the live ones, rows
//      of `$went_along` of those that were deleted with the goal. Each gets `$remove` or
//      `$undelete` with `along_with`; 101 messages in a turn, the last of which goes on.
//   3. Each of these goes only if the goal is still deleted, or there, and its commit relies on
//      that (Reliance). It begins with step 1 in turn.
//
// Whoever goes along with a deletion has committed before the goal is back, or not at all, so what
// the return looks for in step 2 is complete; and the other way round. Who gets a new parent relies
// on the parent in the same way, so nobody is overlooked who came at the same time. All messages
// are of their turns' own commits: a crash leaves no half of a family behind.
#pragma once

#include <string>

#include "perdure/runtime/kind.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

/// Messages that one turn sends to what goes along.
inline constexpr std::size_t along_at_once = 100;
/// What an object that was deleted, or brought back, tells itself.
inline constexpr std::string_view take_along_command = "$take_along";

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

/// Whether a command comes from the deletion or return of another object.
[[nodiscard]] bool is_along(const Envelope& envelope);
/// The object along with which the call's is deleted or comes back. Shape: is_along.
[[nodiscard]] ObjectId whole_of(const Envelope& envelope);
/// Whether the call's object goes. It may be gone, or back, or have another whole by now; and the
/// whole may be back, or gone again. Who goes relies on the whole. Shape: is_along.
/// Errors: those of the store.
[[nodiscard]] Result<bool> goes_along(const Envelope& envelope, const Version& newest,
                                      const TurnSurroundings& around, Reliances& relies_on);

/// The turn deletes its object, or brings it back: what depends on it follows. Shape: the call is
/// `$remove` or `$undelete`.
void begin_taking_along(const Envelope& envelope, const TurnSurroundings& around,
                        TurnContext& turn);
/// `$take_along`. Errors: those of the store; not_found for whoever is not the object itself.
[[nodiscard]] Result<Decision> take_along(const Envelope& envelope, const Version& newest,
                                          const TurnSurroundings& around);

}  // namespace perdure::runtime
