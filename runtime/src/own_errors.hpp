// SPDX-License-Identifier: Apache-2.0
// Own errors of kinds: whether they are declared as they should be, and whether a turn ended with
// one that is.
#pragma once

#include "perdure/base/result.hpp"
#include "perdure/runtime/kind_definition.hpp"

namespace perdure::runtime {

/// Errors  invalid  says which rule of own_error.hpp the kind breaks.
[[nodiscard]] Result<void> check_own_errors(const KindDefinition& kind);

/// What a handler of the kind ended with: `internal` for an own error that the kind does not
/// declare, or declares otherwise.
[[nodiscard]] Error as_declared(const KindDefinition& kind, Error error);

}  // namespace perdure::runtime
