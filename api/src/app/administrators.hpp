// SPDX-License-Identifier: Apache-2.0
// Administrators: who makes them. That there is always an active one is the kind's own rule
// (QuorumDefinition), held in the commit, whatever asks.
#pragma once

#include "app/context.hpp"

namespace perdure::api {

/// Whether the caller may give a user the role that the body says, or take it; what the user has is
/// no change.
/// Errors  forbidden  the key has not the scope to destroy users.
[[nodiscard]] Result<void> check_role(const Context& context);

}  // namespace perdure::api
