// SPDX-License-Identifier: Apache-2.0
#include "app/operating.hpp"

#include "app/services.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

Verdict verdict_on(const Runtime& runtime, const Principal& principal, std::string_view kind) {
  const auto* definition = runtime.find_kind(kind);
  const Owner anybody;  // the operator's doors ask whose kind, not whose object
  return permits(principal,
                 {.owner = anybody,
                  .grants = {},
                  .reach = definition == nullptr ? Reach::open : definition->reach},
                 Action::operate);
}

std::string_view kind_of(std::string_view name) { return name.substr(0, name.find(':')); }

}  // namespace

bool may_operate(const Runtime& runtime, const Principal& principal, std::string_view kind) {
  return verdict_on(runtime, principal, kind).allowed();
}

bool may_operate(const Context& context, std::string_view kind) {
  return may_operate(context.services.runtime, context.principal(), kind);
}

Result<void> check_operates(const Context& context, const ObjectId& object) {
  const auto verdict = verdict_on(context.services.runtime, context.principal(), object.kind);
  if (verdict.allowed()) return {};
  return fail(refusal(verdict, object));
}

Result<void> check_path_kind(const Context& context) {
  const auto& parameters = context.route->path_parameters;
  if (parameters.size() < 2 || parameters.front() != "kind") return {};
  if (may_operate(context, context.values[0])) return {};
  return check_operates(context, {std::string{context.values[0]}, std::string{context.values[1]}});
}

bool may_see_sent(const Runtime& runtime, const Principal& principal, std::string_view from,
                  std::string_view to) {
  return may_operate(runtime, principal, kind_of(from)) &&
         may_operate(runtime, principal, kind_of(to));
}

bool may_see_sent(const Context& context, std::string_view from, std::string_view to) {
  return may_see_sent(context.services.runtime, context.principal(), from, to);
}

}  // namespace perdure::api
