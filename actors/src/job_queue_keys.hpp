// SPDX-License-Identifier: Apache-2.0
// Keys of a queue's entries that more than its kind reads; see job_queue.cpp.
#pragma once

#include <string>

#include "equal_text.hpp"

namespace perdure::actors {

inline constexpr const char* job_owners_prefix = "owners/";

/// Of the tallies of one user, by type.
[[nodiscard]] inline std::string job_owner_prefix(const std::string& owner) {
  return job_owners_prefix + equal_text(owner) + '/';
}

}  // namespace perdure::actors
