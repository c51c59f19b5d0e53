// SPDX-License-Identifier: Apache-2.0
// The administrator's key: without a key that works nobody could make another one.
#pragma once

#include <string>
#include <vector>

#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

namespace limits {
inline constexpr std::size_t admin_key_bytes_min = 24;
inline constexpr std::size_t admin_key_bytes_max = 512;
}  // namespace limits

/// What a start found, and what it did about it.
struct AdminKey {
  std::string made;    ///< the key, if it was made here: to be shown once, only its hash is kept
  std::string prefix;  ///< of the key that is in force; empty: none is known to work
  std::vector<std::string> mended;  ///< what was put right: a few words each
  std::string trouble;              ///< why the key may be of no use; empty: it is in force
};

/// Sees to it that the administrator has a key that works.
///
/// With `chosen` (PERDURE_ADMIN_KEY) that is this key and no other of the operator's: those before
/// it are revoked. Key and user, which a mark tells whatever their names (operator_mark.hpp), get
/// back what they lack; for a user who was erased, or is no administrator, a new key makes another
/// one. Without `chosen` a key is made if there is none at all, and nothing else is changed.
///
/// Errors   invalid  `chosen` has fewer than 24 or more than 512 bytes, or others than printable
///                   ASCII but spaces, or is the key of another user. And those of Runtime::call.
/// Cost     a look at each key of the administrator; without marks (in a directory that a version
///          up to 0.1.0 made) at each key there is, once.
/// Threads  blocks; not on a thread of the runtime.
[[nodiscard]] Result<AdminKey> ensure_admin(Runtime& runtime, const Clock& clock, Random& random,
                                            const std::string& chosen);

}  // namespace perdure::api
