// SPDX-License-Identifier: Apache-2.0
// The members of a state that its kind calls secret: left out of views, kept by what lacks them.
#pragma once

#include "perdure/runtime/kind_definition.hpp"

namespace perdure::runtime {

/// Gives `state` those secrets of `before` that it does not have. Only where the object that holds
/// a secret is there: nothing else of `state` is changed.
void keep_secrets(const KindDefinition& kind, const Json& before, Json& state);

/// The secrets of a state, by their dotted names.
[[nodiscard]] Json secrets_of(const KindDefinition& kind, const Json& state);
/// Puts them where they belong, as far as the objects that hold them are there.
void put_secrets(const Json& secrets, Json& state);

}  // namespace perdure::runtime
