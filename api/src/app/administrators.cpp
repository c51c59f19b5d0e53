// SPDX-License-Identifier: Apache-2.0
#include "app/administrators.hpp"

#include "app/checks.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

constexpr const char* user_kind = "user";

}  // namespace

Result<void> check_role(const Context& context) {
  const auto& route = context.route->route;
  const bool is_create = route.operation == "createUser";
  const bool is_change = route.operation == "patchUser" || route.operation == "putUser";
  if ((!is_create && !is_change) || !context.body.is_object()) return {};
  const auto given = context.body.find("role");
  if (given == context.body.end()) return {};
  Json before = "user";
  if (is_change) {
    const auto user = look_at(context, {user_kind, std::string{context.value("id")}});
    if (!user) return {};  // the call itself says so
    before = user->state.value("role", before);
  }
  const Json next = given->is_null() ? Json("user") : *given;
  if (next == before) return {};
  return check_scope(*context.route, *context.standing, Access::destroy);
}

}  // namespace perdure::api
