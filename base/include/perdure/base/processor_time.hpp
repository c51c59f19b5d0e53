// SPDX-License-Identifier: Apache-2.0
// What a thread has cost so far.
#pragma once

#include <chrono>
#include <ctime>

namespace perdure {

/// The processor time of the calling thread: what it has waited for is not in it.
[[nodiscard]] inline std::chrono::nanoseconds processor_time() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec};
}

}  // namespace perdure
