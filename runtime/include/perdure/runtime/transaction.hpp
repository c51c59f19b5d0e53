// SPDX-License-Identifier: Apache-2.0
// Transactions: turns of several objects that commit as one, or not at all.
#pragma once

#include <functional>
#include <vector>

#include "perdure/runtime/call.hpp"
#include "perdure/runtime/inspect.hpp"

namespace perdure {

struct TransactionStep {
  ObjectId object;
  std::string command;  ///< of the kind, or a builtin one but for $purge and $take
  Json payload = nullptr;
  /// The seq that the object must have when the step runs: stale_precondition otherwise.
  std::optional<Seq> if_seq = {};
  /// As Call::owner.
  std::optional<std::string> owner = {};
  /// Who asks for the step; empty: who asks for the transaction.
  std::optional<Principal> principal = {};
};

/// The objects of a transaction, while all of them stand still.
///
/// Threads, Lifetime  only within the handler call that it was given to.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Runs a command of one of the objects, on what the earlier ones left. Nobody sees anything of
  /// it before the whole transaction is durable. A refused step changes nothing; the handler may go
  /// on with others.
  /// Errors: those of Runtime::call, a taken claim and a quota included; invalid for an object that
  /// the transaction does not hold and may not find.
  virtual Result<Reply> run(const TransactionStep& step) = 0;
  /// An object as the steps before have left it, deleted ones too; none when no step has called it.
  [[nodiscard]] virtual std::optional<ObjectView> left(const ObjectId& object) const = 0;
  /// Whether this run only finds the objects: nothing of it is kept.
  [[nodiscard]] virtual bool rehearses() const = 0;
  /// Names an object that a later run calls, without calling it. `run` names it, too.
  /// Errors: as run, for an object that cannot be of the transaction.
  virtual Result<void> reach(const ObjectId& object) = 0;
  /// The same, where the reply's value is all that is wanted.
  Result<Json> call(const ObjectId& object, const std::string& command, const Json& payload);
};

/// May run more than once before its commit, like a turn. An error or exception ends the
/// transaction without a trace.
using TransactionHandler = std::function<Result<Json>(Transaction&)>;

/// Runs work soon, on a thread of the host. Errors: the host's own, which the transaction ends
/// with.
using WorkRunner = std::function<Result<void>(std::function<void()> work)>;

struct TransactionOptions {
  Principal principal = {};
  std::string idempotency_key = {};
  /// What makes two transactions with one key "the same"; empty: the objects, and the steps if the
  /// transaction is made of such.
  std::string idempotency_fingerprint = {};
  /// Past it, if the objects could not all be held, the transaction is given up.
  Milliseconds deadline{5'000};
  std::string request_id = {};
  std::string traceparent = {};
  /// Where the handler runs; none: on the runtime's thread, which has other things to do.
  WorkRunner run_on = {};
};

namespace limits {
inline constexpr std::size_t transaction_objects_max = 100;
/// What the steps of a transaction write, in all: states, entries, events, messages.
inline constexpr std::size_t transaction_bytes_max = 32u << 20;
}  // namespace limits

}  // namespace perdure
