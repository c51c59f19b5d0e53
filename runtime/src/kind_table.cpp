// SPDX-License-Identifier: Apache-2.0
#include "kind_table.hpp"

#include <fmt/format.h>

#include "dead_letter.hpp"
#include "operations.hpp"
#include "subscription.hpp"

namespace perdure::runtime {

KindTable::KindTable(std::vector<Kind> kinds) : kinds_(with_own_kinds(std::move(kinds))) {
  for (const auto& kind : kinds_) by_name_.emplace(kind.name(), &kind.definition());
  subscription_ = find(subscription_kind_name);
  dead_letter_ = find(dead_letter_kind_name);
}

const KindDefinition* KindTable::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

bool KindTable::names_builtin(Envelope& envelope) {
  const auto* row = find_builtin(envelope.call.name);
  const auto type =
      row != nullptr && row->action == Action::read ? CallType::query : CallType::command;
  if (row == nullptr || type != envelope.call.type) return false;
  envelope.operation = row->operation;
  return true;
}

Result<void> KindTable::resolve(Envelope& envelope) const {
  const auto& call = envelope.call;
  PERDURE_TRY_VOID(validate(call.target));
  envelope.kind = find(call.target.kind);
  if (envelope.kind == nullptr) {
    return fail(ErrorCode::not_found, "there is no kind " + call.target.kind);
  }
  const bool is_query = call.type == CallType::query;
  if (call.name.starts_with('$')) {
    if (names_builtin(envelope)) return {};
  } else if (is_query) {
    const auto found = envelope.kind->queries.find(call.name);
    if (found != envelope.kind->queries.end()) {
      envelope.operation = Operation::query;
      envelope.query = &found->second;
      return {};
    }
  } else {
    const auto found = envelope.kind->commands.find(call.name);
    if (found != envelope.kind->commands.end()) {
      envelope.command = &found->second;
      return {};
    }
  }
  return fail(ErrorCode::not_found, fmt::format("kind {} has no {} {}", call.target.kind,
                                                is_query ? "query" : "command", call.name));
}

}  // namespace perdure::runtime
