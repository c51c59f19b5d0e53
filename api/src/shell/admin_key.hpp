// SPDX-License-Identifier: Apache-2.0
// The first admin: without a key that works nobody could make another one.
#pragma once

#include <string>

#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::shell {

/// Sees to it that user `admin` exists and has a key: `chosen` when it is not empty, else one that
/// is made if the data directory has no key at all yet.
///
/// Returns  the key if it was made here (to be shown once: only its hash is kept), else empty.
/// Errors   those of Runtime::call.
/// Threads  blocks; not on a thread of the runtime.
[[nodiscard]] Result<std::string> ensure_admin_key(Runtime& runtime, const Clock& clock,
                                                   Random& random, const std::string& chosen);

}  // namespace perdure::shell
