// SPDX-License-Identifier: Apache-2.0
// OpenAPI 3.1, from the table that serves the requests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/router.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::api {

/// With the own errors of `kinds`.
[[nodiscard]] std::string render_openapi(const Router& router, std::string_view version,
                                         const std::vector<Kind>& kinds);

}  // namespace perdure::api
