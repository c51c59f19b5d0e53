// SPDX-License-Identifier: Apache-2.0
// Transactions: accepts transactions, and starts them. How one runs is in transact.hpp.
#pragma once

#include "intake.hpp"
#include "transact.hpp"

namespace perdure::runtime {

/// Threads  any. Lifetime: a transaction is a guest of the runtime from `begin` until its answer.
class Transactions {
 public:
  /// What a transaction is of: its objects, and whether its handler finds others.
  struct Scope {
    std::vector<ObjectId> objects = {};
    TransactionTurns::Others others = TransactionTurns::Others::refused;
    Json fingerprint = {};  ///< where the options have none
  };
  /// All must outlive it.
  struct Around {
    Intake& intake;
    Flights& flights;
    const KindTable& kinds;
    const storage::Store& store;
    Directory& directory;
    Committer& committer;
    const Times& times;
    const TurnRules& rules;
    WaitGraph& waits;
  };
  /// Runs a function on the runtime's own thread.
  using Post = std::function<void(std::function<void()>)>;

  Transactions(Around around, Post post);
  Transactions(const Transactions&) = delete;
  Transactions& operator=(const Transactions&) = delete;

  /// See Runtime::transact.
  void begin(Scope scope, TransactionHandler handler, const TransactionOptions& options,
             ReplyHandler done);

 private:
  /// Errors: invalid, not_found.
  [[nodiscard]] Result<void> check(const Scope& scope) const;

  const Around around_;
  const TransactEffects effects_;
  std::atomic<std::uint64_t> last_number_{0};
};

}  // namespace perdure::runtime
