// SPDX-License-Identifier: Apache-2.0
// Transactions: turns of several objects that commit as one, or not at all.
#pragma once

#include <functional>
#include <vector>

#include "perdure/runtime/call.hpp"

namespace perdure {

struct TransactionStep {
  ObjectId object;
  std::string command;
  Json payload = nullptr;
  /// The seq that the object must have when the step runs: stale_precondition otherwise.
  std::optional<Seq> if_seq = {};
};

/// The objects of a transaction, while all of them stand still.
///
/// Threads, Lifetime  only within the handler call that it was given to.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Runs a command of one of the objects, on what the earlier ones left. Nobody sees anything of
  /// it before the whole transaction is durable.
  /// Errors: those of Runtime::call; invalid for an object that the transaction did not name.
  virtual Result<Reply> run(const TransactionStep& step) = 0;
  /// The same, where the reply's value is all that is wanted.
  Result<Json> call(const ObjectId& object, const std::string& command, const Json& payload);
};

/// May run more than once before its commit, like a turn. An error or exception ends the
/// transaction without a trace.
using TransactionHandler = std::function<Result<Json>(Transaction&)>;

struct TransactionOptions {
  Principal principal = {};
  std::string idempotency_key = {};
  /// Past it, if the objects could not all be held, the transaction is given up.
  Milliseconds deadline{5'000};
  std::string request_id = {};
  std::string traceparent = {};
};

namespace limits {
inline constexpr std::size_t transaction_objects_max = 100;
}

}  // namespace perdure
