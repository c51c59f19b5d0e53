// SPDX-License-Identifier: Apache-2.0
#include "app/stream_rights.hpp"

#include "perdure/runtime/access.hpp"

namespace perdure::api {

bool scopes_open(const Router& router, const Principal& reader, const Event& event) {
  return scope_allows(reader.scopes, router.resource_of(event.source.kind), ScopeAccess::read);
}

bool shows_what_role_opened(const StreamRules& rules, const Principal& reader) {
  if (rules.sight != StreamRules::Sight::all) return false;
  if (rules.concerns.empty()) return true;
  const auto owner = Owner::from_text(rules.concerns);
  return !permits(reader, {.owner = owner}, Action::read).allowed();
}

}  // namespace perdure::api
