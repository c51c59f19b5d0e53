// SPDX-License-Identifier: Apache-2.0
// BatchPart: what makes a request one of a batch. Such a request is a Context like any other: it is
// routed, checked, turned into calls and answered by the same functions. It differs in where its
// calls go, and in who gets its answer.
//
//   a batch that is atomic      its calls are steps of one transaction, made at once, where the
//                               batch runs; what it looks at is as the steps before have left it
//   a batch that is not         its calls are calls
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/problem.hpp"
#include "perdure/runtime/transaction.hpp"

namespace perdure::api {

struct BatchPart {
  /// What a request makes by chance or at great cost, by name: kept by the batch, which may run
  /// more than once.
  using Made = std::map<std::string, std::string>;

  /// The batch's own context, from which this one's borrows.
  std::shared_ptr<const void> whole = nullptr;
  Transaction* transaction = nullptr;  ///< of an atomic batch
  Made* made = nullptr;                ///< the same
  Made* made_by_all = nullptr;         ///< the same, of all requests of the batch together
  /// How much of something the requests before it have asked for, in this run, by name.
  using Asked = std::map<std::string, std::int64_t>;
  Asked* asked = nullptr;
  /// Whether nobody needs the result of a run that only finds the objects.
  enum class Result { needed, not_needed } result = Result::needed;
  /// Where a run ends that only finds the objects: the request has named its own.
  bool reached = false;
  std::optional<Problem> problem = {};  ///< that it was answered with
  /// The secret that its answer shows, to be put in it at last: the answer may be stored.
  std::string secret = {};

  [[nodiscard]] bool is_atomic() const { return transaction != nullptr; }
};

}  // namespace perdure::api
