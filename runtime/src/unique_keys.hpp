// SPDX-License-Identifier: Apache-2.0
// Unique fields (UniqueDefinition): claims that follow from the state, so that no way of changing
// it goes around them.
#pragma once

#include <vector>

#include "turn_context.hpp"

namespace perdure::runtime {

/// The claims that an object's unique fields hold at one version, sorted; a deleted one's too.
[[nodiscard]] std::vector<ClaimName> unique_keys(const KindDefinition& kind, const ObjectMeta& meta,
                                                 const Json& root);

/// Asks for what turns the claims of the version before into those after. Both sorted.
void move_claims(const std::vector<ClaimName>& before, const std::vector<ClaimName>& after,
                 TurnRequests& requests);

/// The store's `conflict` over a unique field, in the caller's words: which field it is. Any other
/// error stays as it is.
[[nodiscard]] Error explain_taken(const KindDefinition& kind, Error error);

}  // namespace perdure::runtime
