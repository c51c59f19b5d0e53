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
/// With `chosen` (PERDURE_ADMIN_KEY) that is this key and no other that a start has made: those
/// before it are revoked. The key gets back what it lacks (it was revoked, has expired, or holds
/// less than everything), and so does its user (it was deactivated or deleted). Without `chosen` a
/// key is made if the data directory has none at all yet, and nothing else is changed.
///
/// Errors   invalid   `chosen` has fewer than 24 or more than 512 bytes, or others than printable
///                    ASCII but spaces.
///          conflict  somebody who is no administrator has the name `admin`.
///          And those of Runtime::call.
/// Threads  blocks; not on a thread of the runtime.
[[nodiscard]] Result<AdminKey> ensure_admin(Runtime& runtime, const Clock& clock, Random& random,
                                            const std::string& chosen);

}  // namespace perdure::api
