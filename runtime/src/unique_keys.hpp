// SPDX-License-Identifier: Apache-2.0
// Unique fields (UniqueDefinition): claims that follow from the state, so that no way of changing
// it goes around them.
#pragma once

#include <functional>
#include <vector>

#include "perdure/runtime/kind.hpp"
#include "perdure/storage/store.hpp"
#include "turn_context.hpp"

namespace perdure::runtime {

class Peers;

/// The claims that an object's unique fields hold at one version, sorted; a deleted one's too.
[[nodiscard]] std::vector<ClaimName> unique_keys(const KindDefinition& kind, const ObjectMeta& meta,
                                                 const Json& root);

/// Takes out of the releases what another object holds: a name that two objects had before its case
/// was folded as it is now belongs to the one that came first. `peers` may be null.
void keep_foreign_claims(const storage::Store& store, const Peers* peers, const ObjectId& object,
                         Timestamp now, std::vector<ClaimName>& releases);

/// Asks for what turns the claims of the version before into those after, both sorted, but for what
/// `keep` takes out of the releases.
using Keep = std::function<void(std::vector<ClaimName>& releases)>;
void move_claims(const std::vector<ClaimName>& before, const std::vector<ClaimName>& after,
                 const Keep& keep, TurnRequests& requests);

/// Brings the claims of unique fields into the form that this version looks for: earlier ones
/// folded the case of ASCII letters alone. Once for a store and a kind that has such fields, in a
/// commit for each object whose claim differs; what interrupts it is done by the next opening. Of
/// two objects with one name the first in the order of ids gets the claim, and the other keeps its
/// value.
///
/// Errors  those of reading and committing.
[[nodiscard]] Result<void> bring_claims_up_to_date(storage::Store& store,
                                                   const std::vector<Kind>& kinds, Timestamp now);

/// The store's `conflict` over a unique field, in the caller's words: which field it is. Any other
/// error stays as it is.
[[nodiscard]] Error explain_taken(const KindDefinition& kind, Error error);

}  // namespace perdure::runtime
