// SPDX-License-Identifier: Apache-2.0
// Who is asking: from the key in a request to a principal, or to 401.
//
// The key's hash leads to its api_key object (remembered, see KeyCache). That object and its user's
// are asked at every request whether they still stand, so revoking, expiry, rotation and
// deactivation work at once. Both are queries of roots that are already in memory.
#pragma once

#include <functional>

#include "app/context.hpp"

namespace perdure::api {

/// Fills the principal, scopes and rate of the context and goes on with `next`, or answers with
/// 401 or 429 itself.
void authenticate(ContextPtr context, void (*next)(ContextPtr));

}  // namespace perdure::api
