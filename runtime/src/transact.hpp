// SPDX-License-Identifier: Apache-2.0
// How a transaction runs: its objects are held one after another, in the order of their names, so
// that two transactions never wait for each other; then the handler's commands run on their durable
// states; then one unit commits, and the objects go on.
//
// An object that is held finishes what it began, and keeps later calls waiting.
//
// Where the handler finds its objects, it runs first while nothing is held. When a run has called
// others than are held, all are let go, and then held together: still in the order of names.
#pragma once

#include <map>
#include <memory>

#include "committer.hpp"
#include "perdure/runtime/transaction.hpp"
#include "transaction_turns.hpp"
#include "wait_graph.hpp"

namespace perdure::runtime {

/// What a transaction needs of the runtime.
struct TransactEffects {
  /// As Intake::hold.
  std::function<CellPtr(const ObjectId&, std::uint64_t transaction, ReplyHandler done)> hold;
  /// Lets an object go on, if the transaction holds it.
  std::function<void(const CellPtr&, std::uint64_t transaction)> release;
  /// Runs a function on the runtime's own thread.
  std::function<void(std::function<void()>)> post;
  /// As Intake::look_up, on the runtime's own thread, which may wait for the store.
  std::function<std::optional<Result<Reply>>(Envelope&)> look_up;
  std::function<Timestamp()> claims_at;
  /// A number that no transaction has had.
  std::function<std::uint64_t()> next_number;
};

/// How often a transaction holds more objects than before, and how often it runs again because a
/// commit of others came before its own.
inline constexpr int transaction_rounds_max = 8;

/// One transaction on its way. Shared by the callbacks that move it.
class TransactionRun final : public std::enable_shared_from_this<TransactionRun> {
 public:
  struct Around {
    const storage::Store& store;
    Directory& directory;
    Committer& committer;
    const Times& times;
    const TurnRules& rules;
    const KindTable& kinds;
    WaitGraph& waits;
    const TransactEffects& effects;
  };

  /// `envelope` carries the caller, the idempotency key, the times and the `done` of the whole;
  /// `objects` are those to begin with, sorted and distinct.
  TransactionRun(EnvelopePtr envelope, std::vector<ObjectId> objects,
                 TransactionTurns::Others others, TransactionHandler handler,
                 const TransactionOptions& options, Around around);

  /// Everything up to the commit runs on the runtime's own thread, the handler where the options
  /// say.
  void start();

 private:
  void hold_next();
  void held(const Result<Reply>& reply);
  void run();
  void run_handler();
  void hold_also(const std::set<ObjectId>& missing);
  void commit(TransactionTurns& turns, Json value);
  void settled(const storage::Outcome& outcome, const std::map<ObjectId, VersionPtr>& versions,
               Reply reply);
  void let_go();
  void end(Result<Reply> reply);
  [[nodiscard]] bool is_late() const { return around_.times.steady() >= deadline_; }

  const EnvelopePtr envelope_;
  std::vector<ObjectId> objects_;  ///< sorted, distinct
  const TransactionTurns::Others others_;
  const TransactionHandler handler_;
  const WorkRunner run_on_;
  const Timestamp deadline_;  ///< in steady time
  const Around around_;
  std::vector<CellPtr> cells_;    ///< of the objects held so far
  WaitGraph::Waiter waiter_ = 0;  ///< 0: it waits for nothing
  int rounds_ = 0;
};

}  // namespace perdure::runtime
