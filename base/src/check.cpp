// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace perdure {

void check_failed(std::string_view condition, std::string_view message,
                  std::source_location where) {
  std::fprintf(stderr, "perdure: check failed: %.*s (%.*s) at %s:%u in %s\n",
               static_cast<int>(condition.size()), condition.data(),
               static_cast<int>(message.size()), message.data(), where.file_name(), where.line(),
               where.function_name());
  std::fflush(stderr);
  std::abort();
}

}  // namespace perdure
