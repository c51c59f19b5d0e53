// SPDX-License-Identifier: Apache-2.0
#include "lent_thread.hpp"

#include "perdure/runtime/lent_thread.hpp"

namespace perdure {

namespace {
thread_local int lent = 0;  // how many LentThreads live here
}

LentThread::LentThread() noexcept { ++lent; }
LentThread::~LentThread() { --lent; }

namespace runtime {
bool is_lent() { return lent > 0; }
}  // namespace runtime

}  // namespace perdure
