// SPDX-License-Identifier: Apache-2.0
// Why this layer refuses a request, before it is rendered as a problem.
#pragma once

#include <string_view>

namespace perdure::http {

struct Refusal {
  int status;
  std::string_view code;    ///< stable; static storage
  std::string_view detail;  ///< a sentence; static storage
};

inline Refusal malformed(std::string_view detail) { return {400, "malformed", detail}; }

}  // namespace perdure::http
