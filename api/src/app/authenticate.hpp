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

/// Judges a request of a batch by what the key grants after the requests before it, and goes on
/// with `next`, or answers with 401 itself. Of an atomic batch that is as its steps have left the
/// key and its user.
void authenticate_again(ContextPtr context, void (*next)(ContextPtr));

/// Asks the key's object and its user's what the key grants now, and remembers the answer with the
/// key. Its expiry is the caller's to look at.
/// Errors   unauthenticated  the key is not valid any more, or its user is not active; those of
///          Runtime::call.
/// Threads  any; `done` runs on a thread of the runtime, or at once.
void ask_standing(Application::Services& services, std::shared_ptr<KeyRecord> key,
                  std::function<void(Result<std::shared_ptr<const Standing>>)> done);

}  // namespace perdure::api
