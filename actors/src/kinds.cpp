// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/kinds.hpp"

#include "own_kinds.hpp"

namespace perdure::actors {

std::vector<Kind> built_in_kinds() { return {counter_kind(), document_kind()}; }

std::map<std::string, OwnErrorOfKinds> own_errors(const std::vector<Kind>& kinds) {
  std::map<std::string, OwnErrorOfKinds> errors;
  for (const auto& kind : kinds) {
    for (const auto& [name, error] : kind.definition().errors) {
      errors.try_emplace(name, OwnErrorOfKinds{error, {}})
          .first->second.kinds.push_back(kind.name());
    }
  }
  return errors;
}

}  // namespace perdure::actors
