// SPDX-License-Identifier: Apache-2.0
// /api-keys. A secret is made here, shown in one answer, and stored as a hash only. What the
// calling key may do with another one is for the kind to say (perdure/actors/api_key.hpp).
#include <algorithm>
#include <chrono>

#include "app/context.hpp"
#include "app/dispatch.hpp"
#include "app/new_id.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"
#include "app/shown_secret.hpp"
#include "perdure/actors/sent_back.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/schema.hpp"

namespace perdure::api {

namespace {

using http::Method;

/// What the kind holds another key against, beside scopes: see api_key.hpp.
Json own_bounds(const Context& context) {
  const auto& grant = context.standing->grant;
  Json bounds{{"expires_at", nullptr}, {"rate_limit", nullptr}, {"requests_per_s", nullptr}};
  if (grant.expires_at) bounds["expires_at"] = format_rfc3339(*grant.expires_at);
  if (const auto& limit = grant.rate_limit) {
    bounds["rate_limit"] = {{"requests", limit->requests}, {"window_s", limit->window.count()}};
    return bounds;
  }
  // The limit of all keys is the administrators' to lift, for keys that they make.
  if (is_privileged(context.principal()) && scope_includes(context.principal().scopes, "*")) {
    return bounds;
  }
  const auto& common = context.services.options.key_rate;
  if (common.requests == 0) return bounds;  // there is none
  const auto window = std::chrono::duration<double>(common.window).count();
  bounds["requests_per_s"] = static_cast<double>(common.requests) / window;
  return bounds;
}

/// Errors  invalid  rule `unknown_scope`. What the key has already, of before scopes were a list,
///                  may be sent again.
Result<void> check_scopes(const Context& context, const Json& wanted, const Json& present) {
  std::vector<FieldError> wrong;
  const auto& known = context.services.router.scopes();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& name = wanted[i].get_ref<const std::string&>();
    if (std::ranges::binary_search(known, name)) continue;
    if (std::ranges::find(present, wanted[i]) != present.end()) continue;
    wrong.push_back({"/scopes/" + std::to_string(i), "unknown_scope",
                     "is no scope of this server; /openapi.json lists them"});
  }
  if (!wrong.empty()) return fail(invalid_value(std::move(wrong)));
  return {};
}

/// Whose key it is to be, when an administrator says so; none: the caller's.
/// Errors  invalid  (`/user_id`, rule `unknown_reference`).
Result<std::optional<std::string>> other_owner(const Context& context) {
  const auto sent = context.body.find(actors::sent_back_member);
  // From others it is a member that never changes, which the key itself refuses.
  if (sent == context.body.end() || !is_privileged(context.principal())) {
    return std::optional<std::string>{};
  }
  const Json owner = sent->value("user_id", Json());
  if (owner.is_null()) return std::optional<std::string>{};
  const ObjectId user{"user", owner.is_string() ? owner.get<std::string>() : std::string{}};
  if (validate(user) && look_at(context, user)) return std::optional{user.id};
  return fail(invalid_value({{"/user_id", "unknown_reference", "names no user"}}));
}

std::string new_secret(Context& context) { return secret_from(secret_bits(context, "api key")); }

ShownSecret shown(std::string secret) {
  auto label = secret_label(secret);
  return {"prefix", std::move(label), std::move(secret)};
}

void create_key(ContextPtr context) {
  const auto scopes = context->body.value("scopes", Json::array({"*"}));
  if (auto checked = check_scopes(*context, scopes, Json::array()); !checked) {
    return answer(*context, std::move(checked).error());
  }
  auto owner = other_owner(*context);
  if (!owner) return answer(*context, std::move(owner).error());
  auto id = id_to_create(*context);
  if (!id) return answer(*context, std::move(id).error());
  auto secret = new_secret(*context);
  auto payload = std::move(context->body);
  payload["prefix"] = secret_label(secret);
  payload["secret_hash"] = secret_hash(secret);
  payload["within"] = own_bounds(*context);
  auto call = make_call(*context, {"api_key", std::move(*id)}, CallType::command, "create",
                        std::move(payload));
  call.owner = std::move(*owner);
  call_with_secret(std::move(context), std::move(call), shown(std::move(secret)));
}

void update_key(ContextPtr context) {
  const ObjectId object{"api_key", std::string{context->values[0]}};
  if (const auto wanted = context->body.find("scopes");
      wanted != context->body.end() && wanted->is_array()) {
    const auto now = look_at(*context, object);
    const auto present = now ? now->state.value("scopes", Json::array()) : Json::array();
    if (auto checked = check_scopes(*context, *wanted, present); !checked) {
      return answer(*context, std::move(checked).error());
    }
  }
  auto payload = std::move(context->body);
  payload["within"] = own_bounds(*context);
  auto call = make_call(*context, object, CallType::command, "update", std::move(payload));
  if (!add_precondition(*context, call)) return;
  call_and_answer(std::move(context), std::move(call), Render::resource);
}

void rotate_key(ContextPtr context) {
  auto secret = new_secret(*context);
  auto call =
      make_call(*context, {"api_key", std::string{context->values[0]}}, CallType::command, "rotate",
                {{"prefix", secret_label(secret)},
                 {"secret_hash", secret_hash(secret)},
                 {"within", own_bounds(*context)}});
  if (!add_precondition(*context, call)) return;
  call_with_secret(std::move(context), std::move(call), shown(std::move(secret)));
}

// Revoked first, for good: an operator who brings the object back gets no working key.
void delete_key(ContextPtr context) {
  const ObjectId object{"api_key", std::string{context->values[0]}};
  Call revoke =
      make_call(*context, object, CallType::command, "revoke", {{"within", own_bounds(*context)}});
  revoke.idempotency_key.clear();  // the removal carries it
  if (!add_precondition(*context, revoke)) return;
  auto& called = *context;
  call_object(called, std::move(revoke), [context, object](Result<Reply> revoked) {
    // Not found may be a retry of what was done: the removal's stored reply tells.
    if (!revoked && revoked.error().code != ErrorCode::not_found) {
      return answer(*context, std::move(revoked).error());
    }
    auto remove = make_call(*context, object, CallType::command, std::string{builtin::remove});
    call_and_answer(context, std::move(remove), Render::nothing);
  });
}

}  // namespace

void add_api_key_routes(std::vector<Route>& routes) {
  remove_route(routes, "putApiKey");
  remove_route(routes, "restoreApiKey");
  auto& create = route_named(routes, "createApiKey");
  create.target = Commands{create_key};
  create.summary = "Create a key; the secret is in this answer only";
  create.description =
      "It holds no more than the calling key: no other scopes, no later end, no higher limit. "
      "`user_id` is for administrators, and makes that user's key.";
  create.response_schema = "ApiKeyCreated";
  route_named(routes, "patchApiKey").target = Commands{update_key};
  auto& remove = route_named(routes, "deleteApiKey");
  remove.target = Commands{delete_key};
  remove.summary = "Revoke and delete; cannot be undone";
  routes.push_back({.method = Method::post,
                    .path = "/api-keys/{id}/rotate",
                    .operation = "rotateApiKey",
                    .tag = "API keys",
                    .summary = "A new secret in place of the old one, which stops working at once",
                    .permission = {"api-keys", Access::write},
                    .target = Commands{rotate_key},
                    .response_schema = "ApiKeyCreated"});
}

}  // namespace perdure::api
