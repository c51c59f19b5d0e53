// SPDX-License-Identifier: Apache-2.0
// A key never makes or changes what holds more than itself: the bounds of the calling key, against
// which another key is held.
#pragma once

#include "perdure/runtime/principal.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::actors {

/// Holds `key` (the fields of an ApiKey) against who calls: its scopes (of the principal), and what
/// the payload's member `within` says of its key:
///
///   expires_at      date-time or null: the key lasts no longer
///   rate_limit      {requests, window_s} or null: the key makes no more requests
///   requests_per_s  number or null: the key has no higher rate. Of callers that have no limit of
///                   their own, and so the one of all keys.
///
/// Without that member nothing but the scopes is compared.
/// Errors  forbidden  rule `exceeds_own_key`, for each member that holds more.
[[nodiscard]] Result<void> check_within(const Principal& caller, const Json& payload,
                                        const Json& key);

}  // namespace perdure::actors
