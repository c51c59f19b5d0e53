// SPDX-License-Identifier: Apache-2.0
// Intake: the one way into an object. Calls, messages of the outbox, alarms that are due and the
// holds of transactions come in here, and all take the same steps in the same order:
//
//   1. What does it name? The kind, and the command or query of it.
//   2. When is it? Its times and its deadline are fixed, so that every run of its turn sees the
//      same.
//   3. May it run now? Not while the runtime stops; what writes, not while writes have stopped.
//   4. Was it asked before, under its idempotency key? Then it waits, or is answered. Where reads
//      are slow, the store is asked with the rows of the call's turn, in the order of the calls.
//   5. A query of the root of a quiet object is answered from the durable version (QuietReads).
//   6. It is counted on its object and sent to the object's actor, which may run it on this thread.
//
// Whoever is turned away is answered through Envelope::answer, as everybody else is.
#pragma once

#include <caf/actor_system.hpp>

#include "directory.hpp"
#include "kind_table.hpp"
#include "once.hpp"
#include "pace.hpp"
#include "quiet_reads.hpp"
#include "times.hpp"

namespace perdure::runtime {

/// Threads  any. No lock is held when a handler is called.
class Intake {
 public:
  /// All must outlive it.
  struct Around {
    const KindTable& kinds;
    const storage::Store& store;
    const Times& times;
    Random& random;
    Directory& directory;
    Paces& paces;
    EveryHook& hooks;
    caf::actor_system& system;
    ReadPool* reads;  ///< null: reads are done where they are needed
  };
  struct Limits {
    std::uint64_t idempotency_keys;
    std::chrono::seconds idempotency_window;
  };

  Intake(Around around, Limits limits);

  /// See Runtime::call.
  void call(Call&& call, ReplyHandler&& done);
  /// A call of the runtime's own, or of an effect that tells of itself: commands that are for
  /// objects alone are open to it.
  void call_inside(Call&& call, ReplyHandler&& done);
  /// A call that carries out an outbox item: its turn takes the item.
  void carry_out(Call call, Receipt receipt, ReplyHandler done);
  /// Fires an alarm. `done` hears whether it is dealt with; if not, it comes again.
  void fire(const ObjectId& object, Tick tick, std::function<void(bool)> done);
  /// Writes a stream of an object, as a turn without a record. `call` says whose, for whom and in
  /// which life.
  void stream(Call call, StreamChangePtr change, ReplyHandler done);
  /// Holds an object for a transaction that has been let in: `done` is called when all that came
  /// before is durable. Returns the cell that is held, or will be; null: `done` was told why not.
  CellPtr hold(const ObjectId& object, std::uint64_t transaction, ReplyHandler done);
  /// An ask of a flow that has been let in: it goes in while the runtime stops, too.
  void ask(const EnvelopePtr& envelope) { enter(envelope); }
  /// A flow that was cut off, or sleeps, goes on, from its row.
  void resume(const EnvelopePtr& envelope);
  /// The first four steps. False: it has been answered, or will be.
  [[nodiscard]] bool let_in(Envelope& envelope);

  /// The look at the store in the fourth step, for a call that was let in without it
  /// (Envelope::key_sought_at): what its caller gets; none: it runs.
  [[nodiscard]] std::optional<Result<Reply>> look_up(Envelope& envelope,
                                                     const storage::StoreReader& rows);
  /// What is kept under a call's idempotency key, if anything is.
  [[nodiscard]] Result<std::optional<Reply>> stored_reply(const Call& call) const {
    return Once::find(call, around_.store, claims_at());
  }
  /// Claims that expire by this time are free again.
  [[nodiscard]] Timestamp claims_at() const {
    return around_.times.sure(limits_.idempotency_window);
  }
  /// From now on everything is turned away but holds.
  void close() { closed_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] const Once& once() const { return once_; }

 private:
  void enter(const EnvelopePtr& envelope);
  /// Errors: invalid, not_found; unavailable where the host does not know the kind of an alarm.
  [[nodiscard]] Result<void> resolve(Envelope& envelope) const;
  void stamp(Envelope& envelope) const;
  /// Errors: unavailable.
  [[nodiscard]] Result<void> may_run_now(const Envelope& envelope) const;
  void deliver(const EnvelopePtr& envelope);
  /// Whether the caller's thread is lent, and the call wants no more of it than it should.
  [[nodiscard]] bool may_run_here(const Envelope& envelope) const;

  const Around around_;
  const Limits limits_;
  Once once_;
  QuietReads reads_;
  std::atomic<bool> closed_{false};
};

}  // namespace perdure::runtime
