// SPDX-License-Identifier: Apache-2.0
// PERDURE_CHECK: a rule that only a bug of ours can break. On in release; prints and aborts.
#pragma once

#include <source_location>
#include <string_view>

namespace perdure {

/// Prints `condition`, `message` and the place to standard error, then aborts.
[[noreturn]] void check_failed(std::string_view condition, std::string_view message,
                               std::source_location where = std::source_location::current());

}  // namespace perdure

#define PERDURE_CHECK(condition, message)           \
  do {                                              \
    if (!(condition)) [[unlikely]]                  \
      ::perdure::check_failed(#condition, message); \
  } while (false)
