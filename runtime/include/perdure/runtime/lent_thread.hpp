// SPDX-License-Identifier: Apache-2.0
// LentThread: a thread that calls objects may run their turns itself.
#pragma once

namespace perdure {

/// While one lives, the thread that made it lends itself to the runtimes that it calls: a command
/// for an object that is active and idle, of a kind whose turns have all been quick lately, runs
/// within Runtime::call instead of on a worker. That spares the wake-up of another thread. Nothing
/// else changes: turns of an object still run one at a time, in the order of the calls, and the
/// reply comes when the turn is durable.
///
/// For threads that serve many callers and would rather spend some microseconds on a turn than wait
/// for another thread to do so: the gateway's io threads. A kind is quick after 256 turns in a row
/// of at most 2 ms; each that takes longer sends its kind back to the workers for a while, twice as
/// long each time that it happens soon again.
///
/// Threads   may be nested; belongs to the thread that made it.
class LentThread {
 public:
  LentThread() noexcept;
  ~LentThread();
  LentThread(const LentThread&) = delete;
  LentThread& operator=(const LentThread&) = delete;
};

}  // namespace perdure
