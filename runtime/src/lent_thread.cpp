// SPDX-License-Identifier: Apache-2.0
#include "lent_thread.hpp"

#include "perdure/runtime/lent_thread.hpp"

namespace perdure {

namespace {
thread_local int lent_for_turns = 0;  // how many LentThreads live here that lend it for turns
thread_local int lent = 0;            // how many of any kind
}  // namespace

LentThread::LentThread(Lends lends) noexcept : lends_(lends) {
  ++lent;
  if (lends_ == Lends::for_turns_and_queries) ++lent_for_turns;
}

LentThread::~LentThread() {
  --lent;
  if (lends_ == Lends::for_turns_and_queries) --lent_for_turns;
}

namespace runtime {
bool is_lent() { return lent_for_turns > 0; }
bool lends_only_for_quick() { return lent > 0; }
}  // namespace runtime

}  // namespace perdure
