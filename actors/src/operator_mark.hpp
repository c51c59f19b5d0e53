// SPDX-License-Identifier: Apache-2.0
// The command of kinds whose objects can bear the operator's mark.
#pragma once

#include "perdure/actors/operator_mark.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

void add_operator_mark(KindBuilder<ResourceState>& builder);

}  // namespace perdure::actors
