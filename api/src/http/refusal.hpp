// SPDX-License-Identifier: Apache-2.0
// Why this layer refuses a request, before it is rendered as a problem.
#pragma once

#include <string_view>

#include "perdure/base/memory_budget.hpp"

namespace perdure::http {

struct Refusal {
  int status;
  std::string_view code;    ///< stable; static storage
  std::string_view detail;  ///< a sentence; static storage
};

/// Of what the memory budget does not grant.
inline Refusal refusal_of(Fit fit) {
  if (fit == Fit::past_share) {
    return {429, "rate_limited",
            "The server holds as much memory for this client as it may (limits.memory)."};
  }
  return {503, "overloaded",
          "The server holds as much memory for its clients as it may (limits.memory)."};
}

inline Refusal malformed(std::string_view detail) { return {400, "malformed", detail}; }

}  // namespace perdure::http
