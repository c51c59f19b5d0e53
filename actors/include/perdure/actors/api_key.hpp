// SPDX-License-Identifier: Apache-2.0
// api_key: a resource (resource.hpp) that lets who knows a secret act as its owner.
//
// The secret is made outside and never comes here: only its SHA-256 in lower-case hex, which is
// unique in `hash_space`. To authenticate: hash what was presented, find the object by
// Runtime::holder(hash_space, hash), ask it `verify`, and pass the reply to `accept`.
//
// Fields: those of the schema ApiKey. The server sets `prefix`, `last_used_at`, `revoked_at`.
//
//   create  the fields, and prefix, secret_hash, within?
//   update  the fields, and within?
//   rotate  {prefix, secret_hash, within?}: the secret before it is of no use from then on
//   revoke  {within?}  for good: not even an operator's restore, patch or replace brings it back. A
//              removed key is of no use either, but $undelete would bring it back, so a client's
//              DELETE is revoke, then $remove.
//   touch   -  notes the use; one within `touch_interval` of the last one changes nothing.
//   verify  (query) {secret_hash}; reads the root only.
//
// A caller cannot make, change or end a key with more rights than its own key has: scopes that the
// principal lacks, or a later end or a higher limit than `within` allows. `within` is
// {expires_at, rate_limit, requests_per_s} (key_bounds.hpp).
//
// Errors  forbidden        the key holds, or is to hold, more (rule `exceeds_own_key`).
//         conflict         the hash is another key's (field `/internal/secret_hash`); rotate after
//                          revoke.
//         unauthenticated  verify: not this key's hash, or the key is revoked.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/runtime/call.hpp"
#include "perdure/runtime/inspect.hpp"

namespace perdure::actors::api_key {

inline constexpr std::string_view hash_space = "api_key.hash";
inline constexpr std::chrono::seconds touch_interval{60};

struct RateLimit {
  std::int64_t requests = 0;
  std::chrono::seconds window{0};
};

/// What a request that came with a key may do.
struct Grant {
  std::string key_id;
  std::string user_id;              ///< the owner; empty: the host
  std::vector<std::string> scopes;  ///< `<resource>:<read, write or destroy>`, or `*`
  std::optional<RateLimit> rate_limit;
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> last_used_at;

  [[nodiscard]] bool is_due_for_touch(Timestamp now) const;
};

/// What the reply of `verify` grants.
/// Errors  unauthenticated  the key is deleted, or has expired at `now`.
[[nodiscard]] Result<Grant> accept(const Reply& verified, Timestamp now);

/// The same, of the key itself, as `inspect` shows it.
/// Errors  those of `verify` and of `accept`.
[[nodiscard]] Result<Grant> grant_of(const ObjectView& key, std::string_view secret_hash,
                                     Timestamp now);

}  // namespace perdure::actors::api_key
