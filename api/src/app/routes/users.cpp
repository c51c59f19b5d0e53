// SPDX-License-Identifier: Apache-2.0
// /users: everybody's for administrators, the own one for the caller.
#include "app/dispatch.hpp"
#include "app/new_id.hpp"
#include "app/passwords.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

using http::Method;

void create_user(const ContextPtr& context) {
  auto id = id_to_create(*context);
  if (!id) return answer(*context, std::move(id).error());
  auto payload = std::move(context->body);
  if (const auto password = payload.find("password"); password != payload.end()) {
    auto hashed = made_once(*context, "hashed_password",
                            [&] { return hash_password(password->get<std::string>()); });
    if (!hashed) return answer(*context, std::move(hashed).error());
    payload.erase(password);
    payload["hashed_password"] = std::move(*hashed);
  }
  auto call = make_call(*context, {"user", *id}, CallType::command, "create", std::move(payload));
  call.owner = std::move(*id);  // so that a user reaches itself
  call_and_answer(context, std::move(call), Render::resource);
}

Route own(Method method, std::string path, std::string operation, std::string summary,
          ObjectCall call, std::string request, std::string response, std::string example = {}) {
  call.kind = "user";
  call.id = IdFrom::caller;
  const bool is_read = method == Method::get;
  call.type = is_read ? CallType::query : CallType::command;
  call.payload = is_read ? PayloadFrom::nothing : PayloadFrom::body;
  return {.method = method,
          .path = std::move(path),
          .operation = std::move(operation),
          .tag = "Users",
          .summary = std::move(summary),
          .permission = {"users", is_read ? Access::read : Access::write},
          .target = std::move(call),
          .request_schema = std::move(request),
          .response_schema = std::move(response),
          .body = is_read ? BodyUse::none : BodyUse::required,
          .example = std::move(example)};
}

void add_own_routes(std::vector<Route>& routes) {
  const ObjectCall get{.name = "get", .render = Render::resource};
  const ObjectCall update{.name = "update", .render = Render::resource};
  const std::string me = "/users/me";
  const std::string name = R"({"full_name":"Ada King"})";
  const std::string preferences = "/users/preferences";
  routes.push_back(own(Method::get, me, "getMe", "The caller", get, "", "User"));
  routes.push_back(own(Method::put, me, "putMe", "Update the caller; absent keeps, null clears",
                       update, "UserSelfPatch", "User", name));
  routes.push_back(own(Method::patch, me, "patchMe",
                       "Change members of the caller; absent keeps, null clears", update,
                       "UserSelfPatch", "User", name));
  routes.push_back(own(Method::get, preferences, "getPreferences", "The caller's preferences",
                       {.name = "preferences"}, "", "Preferences"));
  routes.push_back(own(Method::put, preferences, "putPreferences",
                       "Replace the caller's preferences", {.name = "set_preferences"},
                       "Preferences", "Preferences",
                       R"({"time_zone":"Europe/Oslo","theme":"dark"})"));
  routes.push_back(own(Method::patch, preferences, "patchPreferences",
                       "Change the caller's preferences by a JSON Merge Patch",
                       {.name = "patch_preferences"}, "PreferencesPatch", "Preferences",
                       R"({"theme":null})"));
}

Route activity_route(const std::string& verb, std::string summary) {
  return {
      .method = Method::post,
      .path = "/users/{id}/" + verb,
      .operation = verb + "User",
      .tag = "Users",
      .summary = std::move(summary),
      .permission = {"users", Access::write, Audience::admin},
      .target =
          ObjectCall{
              .kind = "user", .type = CallType::command, .name = verb, .render = Render::resource},
      .response_schema = "User"};
}

}  // namespace

void add_user_routes(std::vector<Route>& routes) {
  route_named(routes, "listUsers").permission.audience = Audience::admin;
  route_named(routes, "deleteUser").permission.access = Access::destroy;
  route_named(routes, "restoreUser").permission.audience = Audience::admin;
  auto& create = route_named(routes, "createUser");
  create.permission.audience = Audience::admin;
  create.target = Commands{create_user, WorkClass::hash};
  create.secrecy = Secrecy::secret_body;
  routes.push_back(activity_route("deactivate", "Stop the user's keys at once"));
  routes.push_back(activity_route("activate", "Let the user's keys work again"));
  add_own_routes(routes);
}

}  // namespace perdure::api
