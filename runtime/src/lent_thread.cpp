// SPDX-License-Identifier: Apache-2.0
#include "lent_thread.hpp"

#include "perdure/runtime/lent_thread.hpp"

namespace perdure {

namespace {

// How many LentThreads live here, of any kind and of some.
struct Lent {
  int all = 0;
  int for_turns = 0;
  int for_commits = 0;
};
thread_local Lent lent;

void count(Lends lends, int by) {
  lent.all += by;
  if (lends != Lends::for_queries) lent.for_turns += by;
  if (lends == Lends::for_commits) lent.for_commits += by;
}

}  // namespace

LentThread::LentThread(Lends lends) noexcept : lends_(lends) { count(lends_, 1); }

LentThread::~LentThread() { count(lends_, -1); }

namespace runtime {
bool is_lent() { return lent.for_turns > 0; }
bool commits_before_sleep() { return lent.for_commits > 0; }
bool lends_only_for_quick() { return lent.all > 0; }
}  // namespace runtime

}  // namespace perdure
