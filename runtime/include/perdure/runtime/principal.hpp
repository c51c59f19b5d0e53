// SPDX-License-Identifier: Apache-2.0
// Who is asking. What it may do, access.hpp decides.
#pragma once

#include <string>

namespace perdure {

/// Carried by every call and written into every record.
struct Principal {
  enum class Role {
    user,    ///< has what it owns, and what is shared with it; all else does not exist for it
    admin,   ///< an administrator
    system,  ///< the host process itself
  };

  Role role = Role::system;
  std::string user_id = {};  ///< empty for `system`
  std::string key_id = {};   ///< the API key it came with, if any
  /// What the key may do: `<resource>:<access>` or `*`, with a space between two (RFC 6749, 3.3).
  std::string scopes = "*";

  bool operator==(const Principal&) const = default;
};

/// What records keep: the user's id, or `system`.
[[nodiscard]] inline std::string actor_name(const Principal& principal) {
  return principal.user_id.empty() ? "system" : principal.user_id;
}

}  // namespace perdure
