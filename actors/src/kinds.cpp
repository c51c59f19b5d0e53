// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/kinds.hpp"

#include "own_kinds.hpp"

namespace perdure::actors {

std::vector<Kind> built_in_kinds() { return {counter_kind(), document_kind()}; }

}  // namespace perdure::actors
