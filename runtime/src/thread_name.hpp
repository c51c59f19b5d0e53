// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

namespace perdure::runtime {

/// Names this thread, for `top -H` and profiles. Shape: at most 15 characters.
inline void name_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

}  // namespace perdure::runtime
