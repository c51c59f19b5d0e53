// SPDX-License-Identifier: Apache-2.0
// Who is asking: from the key in a request to a principal, or to 401.
//
// The key's hash leads to its api_key object. What that object and its user's grant is remembered
// with their seqs (see KeyCache), and every request compares these with the durable ones: revoking,
// rotation and deactivation move a seq, so they work at once. Expiry is a matter of the clock.
#pragma once

#include <functional>

#include "app/context.hpp"

namespace perdure::api {

/// Fills the principal, scopes and rate of the context and goes on with `next`, or answers with
/// 401 or 429 itself.
void authenticate(ContextPtr context, void (*next)(ContextPtr));

}  // namespace perdure::api
