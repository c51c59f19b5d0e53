// SPDX-License-Identifier: Apache-2.0
// The first administrator: without a key that works nobody could make another one.
#pragma once

#include <string>

#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

namespace limits {
inline constexpr std::size_t admin_key_bytes_max = 512;
}  // namespace limits

/// Sees to it that the user `admin` exists and has a key: `chosen` (PERDURE_ADMIN_KEY) when it is
/// not empty, else one that is made if the data directory has no key at all yet. Another `chosen`
/// gives another key, beside those that exist.
///
/// Returns  the key if it was made here (to be shown once: only its hash is kept), else empty.
/// Errors   invalid   `chosen` has more than 512 bytes, or others than printable ASCII but spaces.
///          conflict  somebody who is no administrator has the name `admin`.
///          And those of Runtime::call.
/// Threads  blocks; not on a thread of the runtime.
[[nodiscard]] Result<std::string> ensure_admin(Runtime& runtime, const Clock& clock, Random& random,
                                               const std::string& chosen);

}  // namespace perdure::api
