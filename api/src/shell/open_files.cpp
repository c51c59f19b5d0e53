// SPDX-License-Identifier: Apache-2.0
#include "shell/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace perdure::shell {

std::uint64_t raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

std::uint64_t connections_that_fit(std::uint64_t limit, std::uint64_t others) {
  return std::max<std::uint64_t>({limit - std::min(limit, others), limit / 4, 1});
}

}  // namespace perdure::shell
