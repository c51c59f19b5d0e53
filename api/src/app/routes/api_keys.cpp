// SPDX-License-Identifier: Apache-2.0
// /api-keys. A secret is made here, shown in one answer, and stored as a hash only.
#include "app/context.hpp"
#include "app/dispatch.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"
#include "app/shown_secret.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

using http::Method;

// Nobody gives away, or gets, more than the own key allows.
Result<void> check_scopes(const Context& context, const Json& wanted) {
  for (const auto& scope : wanted) {
    const auto& name = scope.get_ref<const std::string&>();
    if (scope_includes(context.principal.scopes, name)) continue;
    return fail(ErrorCode::forbidden, "your own key does not have the scope " + name);
  }
  return {};
}

std::string new_secret(Context& context) { return secret_from(secret_bits(context, "api key")); }

ShownSecret shown(std::string secret) {
  auto label = secret_label(secret);
  return {"prefix", std::move(label), std::move(secret)};
}

void create_key(ContextPtr context) {
  auto& services = context->services;
  const auto scopes = context->body.value("scopes", Json::array({"*"}));
  if (auto checked = check_scopes(*context, scopes); !checked) {
    return answer(*context, std::move(checked).error());
  }
  auto secret = new_secret(*context);
  auto payload = std::move(context->body);
  payload["prefix"] = secret_label(secret);
  payload["secret_hash"] = secret_hash(secret);
  ObjectId object{"api_key", make_uuid_v7(services.clock.now(), services.random)};
  auto call =
      make_call(*context, std::move(object), CallType::command, "create", std::move(payload));
  call_with_secret(std::move(context), std::move(call), shown(std::move(secret)));
}

void update_key(ContextPtr context) {
  if (context->body.contains("scopes") && context->body["scopes"].is_array()) {
    if (auto checked = check_scopes(*context, context->body["scopes"]); !checked) {
      return answer(*context, std::move(checked).error());
    }
  }
  auto payload = std::move(context->body);
  auto call = make_call(*context, {"api_key", std::string{context->values[0]}}, CallType::command,
                        "update", std::move(payload));
  if (!add_precondition(*context, call)) return;
  call_and_answer(std::move(context), std::move(call), Render::resource);
}

// The new secret has the key's scopes, so these are looked at first.
void rotate_key(ContextPtr context) {
  const ObjectId object{"api_key", std::string{context->values[0]}};
  auto look = make_call(*context, object, CallType::query, "get");
  auto& runtime = context->services.runtime;
  runtime.call(std::move(look), [context, object](Result<Reply> found) {
    // What is not there is left to the call itself, which may be a replay.
    if (found) {
      if (auto checked = check_scopes(*context, found->value["scopes"]); !checked) {
        return answer(*context, std::move(checked).error());
      }
    }
    auto secret = new_secret(*context);
    auto call = make_call(*context, object, CallType::command, "rotate",
                          {{"prefix", secret_label(secret)}, {"secret_hash", secret_hash(secret)}});
    if (!add_precondition(*context, call)) return;
    call_with_secret(context, std::move(call), shown(std::move(secret)));
  });
}

// Revoked first, for good: an operator who brings the object back gets no working key.
void delete_key(ContextPtr context) {
  const ObjectId object{"api_key", std::string{context->values[0]}};
  Call revoke = make_call(*context, object, CallType::command, "revoke");
  revoke.idempotency_key.clear();  // the removal carries it
  if (!add_precondition(*context, revoke)) return;
  auto& runtime = context->services.runtime;
  runtime.call(std::move(revoke), [context, object](Result<Reply> revoked) {
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
  add_resource(routes, {.path = "/api-keys",
                        .kind = "api_key",
                        .schema = "ApiKey",
                        .tag = "API keys",
                        .resource = "api-keys",
                        .lists = {{.sort = "updated_at", .index = "updated_at"}},
                        .default_sort = "-updated_at",
                        .examples = {.create = R"({"name":"laptop","scopes":["notebooks:write"]})",
                                     .change = R"({"name":"old laptop"})"}});
  remove_route(routes, "putApiKey");
  remove_route(routes, "restoreApiKey");
  auto& create = route_named(routes, "createApiKey");
  create.target = Function{create_key};
  create.summary = "Create a key; the secret is in this answer only";
  create.response_schema = "ApiKeyCreated";
  route_named(routes, "patchApiKey").target = Function{update_key};
  auto& remove = route_named(routes, "deleteApiKey");
  remove.target = Function{delete_key};
  remove.summary = "Revoke and delete; cannot be undone";
  routes.push_back({.method = Method::post,
                    .path = "/api-keys/{id}/rotate",
                    .operation = "rotateApiKey",
                    .tag = "API keys",
                    .summary = "A new secret in place of the old one, which stops working at once",
                    .permission = {"api-keys", Access::write},
                    .target = Function{rotate_key},
                    .response_schema = "ApiKeyCreated"});
}

}  // namespace perdure::api
