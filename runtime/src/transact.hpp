// SPDX-License-Identifier: Apache-2.0
// How a transaction runs: its objects are held one after another, in the order of their names, so
// that two transactions never wait for each other; then the handler's commands run on their durable
// states; then one unit commits, and the objects go on.
//
// An object that is held finishes what it began, and keeps later calls waiting.
#pragma once

#include <map>
#include <memory>

#include "committer.hpp"
#include "perdure/runtime/transaction.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

/// What a transaction needs of the runtime.
struct TransactEffects {
  /// Holds an object for a transaction: `done` is called when all that came before is durable.
  std::function<void(const ObjectId&, std::uint64_t transaction, ReplyHandler done, CellPtr& cell)>
      hold;
  /// Lets an object go on, if the transaction holds it.
  std::function<void(const CellPtr&, std::uint64_t transaction)> release;
  /// Runs a function on the runtime's own thread.
  std::function<void(std::function<void()>)> post;
};

/// One transaction on its way. Shared by the callbacks that move it.
class TransactionRun final : public std::enable_shared_from_this<TransactionRun> {
 public:
  struct Around {
    const storage::Store& store;
    Directory& directory;
    Committer& committer;
    const Times& times;
    const TurnRules& rules;
    const TransactEffects& effects;
  };

  /// `envelope` carries the caller, the idempotency key, the times and the `done` of the whole.
  TransactionRun(EnvelopePtr envelope, std::vector<ObjectId> objects, TransactionHandler handler,
                 Timestamp deadline, Around around);

  /// Everything up to the commit runs on the runtime's own thread.
  void start();

 private:
  class Turns;
  void hold_next();
  void held(const Result<Reply>& reply);
  void run();
  void commit(Turns& turns, Json value);
  void settled(const storage::Outcome& outcome, const std::map<ObjectId, VersionPtr>& versions,
               Reply reply);
  void end(Result<Reply> reply);

  const EnvelopePtr envelope_;
  const std::vector<ObjectId> objects_;  ///< sorted, distinct
  const TransactionHandler handler_;
  const Timestamp deadline_;  ///< in steady time
  const Around around_;
  std::vector<CellPtr> cells_;  ///< of the objects held so far
};

}  // namespace perdure::runtime
