// SPDX-License-Identifier: Apache-2.0
// The first administrator: without one nobody could make the first key.
#pragma once

#include <optional>
#include <string>

#include "perdure/base/random.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

namespace limits {
inline constexpr std::size_t admin_key_bytes_min = 16;
inline constexpr std::size_t admin_key_bytes_max = 512;
}  // namespace limits

struct AdminReport {
  enum class Made { nothing, user_and_key, key } made = Made::nothing;
  /// The secret that was generated, to be printed once and kept nowhere; empty when none was.
  std::string secret;
};

/// Makes the user `admin@localhost.localdomain` with role `admin` if there is none, and a key of
/// scope `*` for it.
///
/// With `admin_key` (PERDURE_ADMIN_KEY), that text is a valid key when this returns, so changing it
/// and starting again gives a new one beside those that exist. Without, a key is generated only
/// when the user is. Blocks; call it before the server starts.
///
/// Errors  invalid  `admin_key` is shorter than 16 or longer than 512 bytes, or holds characters
///                  other than printable ASCII without spaces; and those of Runtime::call.
[[nodiscard]] Result<AdminReport> ensure_admin(Runtime& runtime, Random& random,
                                               const std::optional<std::string>& admin_key);

}  // namespace perdure::api
