// SPDX-License-Identifier: Apache-2.0
// What the program's exit status means; scripts depend on these numbers.
#pragma once

#include "perdure/base/error.hpp"

namespace perdure::shell {

enum class ExitCode : int {
  ok = 0,
  failure = 1,        ///< anything that has no number of its own
  usage = 2,          ///< the command line or the configuration is wrong
  in_use = 3,         ///< another process has the data directory open
  corrupt = 4,        ///< data fails its checks, or acknowledged commits are missing
  newer_version = 5,  ///< the data was written by a newer version
};

/// For an error of opening a data directory.
[[nodiscard]] constexpr ExitCode exit_code_of_open(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::conflict: return ExitCode::in_use;
    case ErrorCode::corrupt: return ExitCode::corrupt;
    case ErrorCode::newer_version: return ExitCode::newer_version;
    case ErrorCode::invalid: return ExitCode::usage;
    default: return ExitCode::failure;
  }
}

}  // namespace perdure::shell
