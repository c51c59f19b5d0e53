// SPDX-License-Identifier: Apache-2.0
// Rolled up fields (NounRollUp): the number that was set or, where there is none, that of the
// parts.
//
// It is read from the lists of the parts whenever it is shown, so it is always right, and nothing
// changes when a part does. The ETag tells it beside the seq.
#pragma once

#include <string>

#include "perdure/actors/noun.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

/// How many objects of its own kind below one are looked at for what it shows.
inline constexpr std::size_t rolled_up_max = 1'000;

/// What objects of a kind show more than their own state; null: nothing.
[[nodiscard]] const actors::NounRollUp* roll_up_of(const std::string& kind);

/// The state with the number in force, and where that comes from.
///
/// Errors   those of Runtime::list.
/// Threads  not on io threads: it reads a row for each part.
/// Limits   rolled_up_max; those past it do not count. Of more than 10,000 parts in one state
///          10,000 count.
[[nodiscard]] Result<Json> with_roll_up(const Runtime& runtime, const actors::NounRollUp& rules,
                                        const ObjectMeta& meta, Json state);

/// Takes the number out of the changes to an object if it is the one that is shown: sent back, it
/// changes nothing. `shown` is what with_roll_up gives.
void leave_shown(const actors::NounRollUp& rules, const Json& shown, Json& changes);

}  // namespace perdure::api
