// SPDX-License-Identifier: Apache-2.0
// Envelope: a call on its way through the runtime.
#pragma once

#include <memory>

#include "perdure/runtime/call.hpp"
#include "perdure/runtime/kind_definition.hpp"

namespace perdure::runtime {

class Cell;

/// What the call turned out to name.
enum class Operation {
  command,  ///< of the kind
  query,    ///< of the kind
  get,
  create,
  replace,
  patch,
  remove,
  undelete,
  purge,
  restore,
  pin,
  unpin,
  import,
};

struct Envelope {
  Call call;
  ReplyHandler done;
  const KindDefinition* kind = nullptr;
  Operation operation = Operation::command;
  const CommandDefinition* command = nullptr;  ///< for Operation::command
  const QueryDefinition* query = nullptr;      ///< for Operation::query
  /// Fixed here so that every run of the turn sees the same.
  Timestamp accepted_at;
  std::uint64_t random_seed = 0;
  /// Set by the directory: the activation that the envelope is counted on.
  std::shared_ptr<Cell> cell;
};

/// Shared because a turn that is refused at commit goes back to its activation.
using EnvelopePtr = std::shared_ptr<Envelope>;

}  // namespace perdure::runtime
