// SPDX-License-Identifier: Apache-2.0
// LentThread: a thread that calls objects may run their turns itself.
#pragma once

namespace perdure {

enum class Lends {
  for_turns_and_queries,
  for_queries,  ///< all turns are the workers'
  /// For turns and queries, and the thread commits them, too: it calls Runtime::commit_waiting
  /// before it waits for anything, and again as long as that says so.
  for_commits,
};

/// While one lives, the thread that made it lends itself to the runtimes that it calls: a command
/// for an object that is active and runs no turn, of a kind whose commands take at most
/// RuntimeOptions::quick_turn_max on average, runs within Runtime::call instead of on a worker.
/// That spares the wake-up of another thread, which costs as much as a short turn. Nothing else
/// changes: turns of an object run one at a time, in the order of the calls, and a reply comes when
/// its turn is durable. A command that is refused is answered within the call, as a query may be:
/// whoever calls must not hold what its reply handler waits for.
///
/// Queries of the root of a quiet object run on the thread that asks in any case; on a thread that
/// is lent, only those of kinds whose queries are quick in the same sense. Of an object whose root
/// has more than 16 KiB neither turns nor queries run here: to copy or to encode it is not quick.
///
/// For threads that serve many callers and never wait: the server's io threads are lent
/// (`threads.inline_turns`). The average is over some 256 turns, in which one of a millisecond
/// weighs 4 µs; while it is above the bound, a kind's turns run on the workers.
///
/// Threads   may be nested; belongs to the thread that made it.
class LentThread {
 public:
  explicit LentThread(Lends lends = Lends::for_turns_and_queries) noexcept;
  ~LentThread();
  LentThread(const LentThread&) = delete;
  LentThread& operator=(const LentThread&) = delete;

 private:
  const Lends lends_;
};

}  // namespace perdure
