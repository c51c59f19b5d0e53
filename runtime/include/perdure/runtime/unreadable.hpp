// SPDX-License-Identifier: Apache-2.0
// Errors that mean: the data of this one object cannot be read; all others can.
#pragma once

#include "perdure/base/error.hpp"

namespace perdure {

/// `corrupt` (its bytes are damaged), `newer_version` (newer code wrote it) or `unreadable_state`
/// (the kind's code makes no state of it). Whoever goes over many objects notes it and goes on.
[[nodiscard]] inline bool is_of_one_object(const Error& error) {
  return error.code == ErrorCode::corrupt || error.code == ErrorCode::newer_version ||
         error.code == ErrorCode::unreadable_state;
}

}  // namespace perdure
