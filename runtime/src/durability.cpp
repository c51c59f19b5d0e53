// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/durability.hpp"

#include "perdure/runtime/kind_definition.hpp"

namespace perdure {

std::string_view name_of(Durability durability) {
  switch (durability) {
    case Durability::sync: return "sync";
    case Durability::buffered: return "buffered";
    case Durability::memory: break;
  }
  return "memory";
}

Durability durability_of(const KindDefinition& kind, std::string_view command) {
  const auto found = kind.commands.find(command);
  if (found == kind.commands.end()) return Durability::sync;
  return found->second.durability.value_or(kind.durability);
}

}  // namespace perdure
