// SPDX-License-Identifier: Apache-2.0
// user: a resource (resource.hpp); its id is its owner, too (`Call::owner`), so that a user reaches
// itself.
//
// Fields: those of the schema User; `password` never comes here, only its hash. The server sets
// `is_superuser` (role is admin) and `email_verified`. E-mail address and username are unique,
// whatever their case: Runtime::holder finds a user by them in one case (fold_case), in the
// spaces below. A deleted user keeps them, so that it can come back, until it is purged.
//
//   create             the fields, and hashed_password?, email_verified? (default false)
//   update             a principal of role `user` may send `role` and `is_active` only as they are
//                      (else forbidden); another e-mail address takes `email_verified` back
//   set_password       {hashed_password: text or null}
//   set_preferences    the new preferences, whole     → the preferences
//   patch_preferences  a JSON Merge Patch of them     → the preferences
//   verify_email       -
//   deactivate, activate
//   erase              -  forgets every field, which frees address and name, deactivates for good.
//                      Earlier records keep what they hold until retention or $purge takes them.
//   preferences        (query) → the preferences
//   account            (query) → {is_active, role, email_verified}. Reads the root only.
//   password           (query) → {hashed_password: text or null}: what logging in needs; only for
//                      the principal `system`.
//
// Object index: `created_at`, over all owners.
// Errors  conflict   e-mail address or username is taken (field `/email` or `/username`); activate
//                    after erase.
//         invalid    also for `preferences.time_zone` that the IANA database does not know.
#pragma once

#include <string>
#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure::actors::user {

inline constexpr std::string_view email_space = "user.email";
inline constexpr std::string_view username_space = "user.username";

/// The time zone of dates and times that belong to the user: `preferences.time_zone`, or UTC.
[[nodiscard]] std::string time_zone_of(const Json& preferences);

}  // namespace perdure::actors::user
