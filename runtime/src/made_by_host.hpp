// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "perdure/base/error.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::runtime {

/// A check of states for kinds whose objects act as the host: nobody writes one from outside.
[[nodiscard]] inline std::vector<FieldError> made_by_the_host(const Json& /*state*/) {
  return {{"", "made_by_the_host", "is made by the server alone"}};
}

}  // namespace perdure::runtime
