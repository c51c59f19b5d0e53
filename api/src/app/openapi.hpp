// SPDX-License-Identifier: Apache-2.0
// OpenAPI 3.1, from the table that serves the requests.
#pragma once

#include <string>
#include <string_view>

#include "app/router.hpp"

namespace perdure::api {

[[nodiscard]] std::string render_openapi(const Router& router, std::string_view version);

}  // namespace perdure::api
