// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/kinds.hpp"

#include "own_kinds.hpp"

namespace perdure::actors {

std::vector<Kind> built_in_kinds() { return {counter_kind(), document_kind()}; }

std::vector<Kind> domain_kinds(const DomainOptions& options) {
  return {api_key_kind(), conversation_kind(), notebook_kind(), user_kind(),
          webhook_kind(options.webhooks)};
}

}  // namespace perdure::actors
