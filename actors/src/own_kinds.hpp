// SPDX-License-Identifier: Apache-2.0
// The built-in kinds; kinds.cpp lists them.
#pragma once

#include "perdure/runtime/kind.hpp"

namespace perdure::actors {

[[nodiscard]] Kind counter_kind();
[[nodiscard]] Kind document_kind();

}  // namespace perdure::actors
