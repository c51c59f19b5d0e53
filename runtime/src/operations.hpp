// SPDX-License-Identifier: Apache-2.0
// Operations: everything that a call can turn out to name, with what the runtime has to know of it.
// One row each (operations.cpp). A new builtin command is a row and a function.
#pragma once

#include "perdure/runtime/access.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

/// Which life of its object a command is for.
enum class Life {
  present,    ///< the object exists
  begins,     ///< it does not: a life begins
  may_begin,  ///< either; what was deleted is not hidden in passing
  deleted,    ///< it exists, or was deleted and can be brought back
  any,        ///< whatever became of it
};

/// What becomes of a command whose object has a state that the kind's code cannot read.
enum class Unreadable {
  refused,
  allowed,   ///< it mends the state, ends it, or does not look at it
  replaced,  ///< it is allowed where it begins another life
};

/// Whether a transaction may have it among its steps.
enum class Step { yes, no };

/// Changes the draft of a turn that makes a record.
using ChangeDraft = Result<void> (*)(Draft& draft, TurnContext& turn);
/// Makes a decision of its own, mostly without a record.
using Decide = Result<Decision> (*)(const Envelope& envelope, const Version& newest,
                                    const TurnSurroundings& around);

struct OperationRow {
  Operation operation;
  std::string_view name = {};  ///< as calls name it; empty: the runtime alone, or the kind does
  Action action = Action::change;
  Life life = Life::present;
  Unreadable unreadable = Unreadable::refused;
  Step step = Step::yes;
  ChangeDraft change = nullptr;
  Decide decide = nullptr;  ///< goes before `change`, on an object that exists
};

[[nodiscard]] const OperationRow& row_of(Operation operation);
/// The builtin of that name; null: there is none.
[[nodiscard]] const OperationRow* find_builtin(std::string_view name);

}  // namespace perdure::runtime
