// SPDX-License-Identifier: Apache-2.0
// What callers hear of flows that do not end now.
#pragma once

#include "flow_state.hpp"

namespace perdure::runtime {

/// To a caller who does not wait for the end of a flow.
[[nodiscard]] inline Unexpected goes_on(std::string why) {
  Error error{.code = ErrorCode::outcome_unknown, .detail = std::move(why)};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

[[nodiscard]] inline Error given_up() {
  Error error{.code = ErrorCode::conflict, .detail = "an operator has given the flow up"};
  error.fields.push_back({"", "given_up", error.detail});
  return error;
}

}  // namespace perdure::runtime
