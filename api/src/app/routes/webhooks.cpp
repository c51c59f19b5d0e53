// SPDX-License-Identifier: Apache-2.0
// /webhooks and their deliveries. A secret is made here and shown in one answer; the webhook keeps
// it, as it signs with it.
//
// What a create or a change means for events holds from the answer on: the place of the event log
// at which they begin is looked up here, before the call.
#include <limits>

#include "app/checks.hpp"
#include "app/context.hpp"
#include "app/dispatch.hpp"
#include "app/live_list.hpp"
#include "app/new_id.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "app/shown_secret.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/actors/webhook.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr const char* kind = "webhook";

ObjectId webhook_of(const Context& context) { return {kind, std::string{context.values[0]}}; }

std::string new_secret(Context& context) {
  return actors::webhook::secret_from(secret_bits(context, "webhook"));
}

ShownSecret shown(std::string secret) {
  auto label = actors::webhook::secret_label(secret);
  return {"secret_prefix", std::move(label), std::move(secret)};
}

/// The body with the place from which it holds. Errors: invalid (`/url`), those of the store.
Result<Json> payload_of(Context& context) {
  auto payload = std::move(context.body);
  const auto& services = context.services;
  const auto url = payload.find("url");
  if (url != payload.end() && url->is_string() && services.options.check_outgoing_url) {
    PERDURE_TRY_VOID(services.options.check_outgoing_url(url->get_ref<const std::string&>()));
  }
  PERDURE_TRY(end, services.runtime.events_end());
  payload["after"] = std::move(end);
  return payload;
}

Result<WebhookPlaces::Place> place_for(Context& context, const std::string& owner) {
  auto& services = context.services;
  return services.webhook_places.take(services.runtime, owner,
                                      services.options.webhooks_per_owner_max);
}

/// For one that is to be brought back, by its owner; none when there is nothing to bring back.
Result<WebhookPlaces::Place> place_to_restore(Context& context) {
  const auto& services = context.services;
  const auto last = services.runtime.journal(webhook_of(context), 1,
                                             std::numeric_limits<Seq>::max(), Order::descending, 1);
  if (!last || last->empty() || !last->front().deleted) return WebhookPlaces::Place{};
  PERDURE_TRY(place, place_for(context, context.principal().user_id));
  const auto most = services.options.webhooks_per_owner_max;
  if (place.others >= most) return actors::webhook::too_many(most);
  return place;
}

void create_webhook(ContextPtr context) {
  auto id = id_to_create(*context);
  if (!id) return answer(*context, std::move(id).error());
  auto payload = payload_of(*context);
  if (!payload) return answer(*context, std::move(payload).error());
  auto place = place_for(*context, context->principal().user_id);
  if (!place) return answer(*context, std::move(place).error());
  auto secret = new_secret(*context);
  (*payload)["secret"] = secret;
  (*payload)["others"] = place->others;
  const ObjectId object{kind, std::move(*id)};
  auto call = make_call(*context, object, CallType::command, "create", std::move(*payload));
  call_with_secret(std::move(context), std::move(call), shown(std::move(secret)),
                   std::move(place->held));
}

void update_webhook(ContextPtr context) {
  auto payload = payload_of(*context);
  if (!payload) return answer(*context, std::move(payload).error());
  auto call =
      make_call(*context, webhook_of(*context), CallType::command, "update", std::move(*payload));
  if (!add_precondition(*context, call)) return;
  call_and_answer(std::move(context), std::move(call), Render::resource);
}

void rotate_secret(ContextPtr context) {
  auto secret = new_secret(*context);
  auto call =
      make_call(*context, webhook_of(*context), CallType::command, "rotate", {{"secret", secret}});
  if (!add_precondition(*context, call)) return;
  call_with_secret(std::move(context), std::move(call), shown(std::move(secret)));
}

/// Brought back, and then set going: a crash in between leaves that to the next event.
void restore_webhook(ContextPtr context) {
  auto place = place_to_restore(*context);
  if (!place) return answer(*context, std::move(place).error());
  auto call =
      make_call(*context, webhook_of(*context), CallType::command, std::string{builtin::undelete});
  if (!add_precondition(*context, call)) return;
  if (place->held) context->held.push_back(std::move(place->held));
  auto& called = *context;
  call_object(called, std::move(call), [context = std::move(context)](Result<Reply> reply) {
    if (!reply) return answer(*context, std::move(reply).error());
    context->replayed = reply->replayed;
    auto body = actors::resource_body(reply->meta, std::move(reply->value));
    call_object(*context, {.target = webhook_of(*context), .name = "deliver"},
                [context, body = std::move(body)](const Result<Reply>& /*going*/) {
                  JsonAnswer json;
                  write_json(json.text, body);
                  answer(*context, std::move(json));
                });
  });
}

ObjectCall delivery_call(CallType type, std::string name) {
  return {.kind = kind, .type = type, .name = std::move(name), .payload = PayloadFrom::item};
}

void add_delivery_routes(std::vector<Route>& routes) {
  const auto add = [&](Method method, const std::string& path, std::string operation,
                       std::string summary, Target target, std::string response) -> Route& {
    routes.push_back(
        {.method = method,
         .path = "/webhooks/{id}/" + path,
         .operation = std::move(operation),
         .tag = "Webhooks",
         .summary = std::move(summary),
         .permission = {"webhooks", method == Method::get ? Access::read : Access::write},
         .target = std::move(target),
         .response_schema = std::move(response)});
    return routes.back();
  };
  add(Method::post, "rotate-secret", "rotateWebhookSecret",
      "A new secret; for 24 hours the old one signs, too", Commands{rotate_secret},
      "WebhookCreated");
  auto& test =
      add(Method::post, "test", "testWebhook", "Send an event `webhook.test`",
          ObjectCall{.kind = kind, .type = CallType::command, .name = "test"}, "WebhookDelivery");
  test.status = 202;
  test.validator = Validator::item;
  auto& list = add(Method::get, "deliveries", "listWebhookDeliveries",
                   "What was sent, and what waits, newest first", list_of_items(kind, "deliveries"),
                   "WebhookDeliveryList");
  list.query = page_parameters();
  list.query.push_back({.name = "status",
                        .description = "Only those of this status.",
                        .values = {"pending", "sending", "succeeded", "failed"}});
  offer_live(list);
  add(Method::get, "deliveries/{delivery_id}", "getWebhookDelivery", "One delivery",
      delivery_call(CallType::query, "get_delivery"), "WebhookDelivery")
      .validator = Validator::item;
  auto& retry = add(Method::post, "deliveries/{delivery_id}/retry", "retryWebhookDelivery",
                    "Send it now, with all its attempts anew",
                    delivery_call(CallType::command, "retry_delivery"), "WebhookDelivery");
  retry.status = 202;
  retry.validator = Validator::item;
}

}  // namespace

void add_webhook_routes(std::vector<Route>& routes) {
  auto& create = route_named(routes, "createWebhook");
  create.target = Commands{create_webhook, WorkClass::read};
  create.summary = "Create a webhook; the secret is in this answer only";
  create.response_schema = "WebhookCreated";
  route_named(routes, "putWebhook").target = Commands{update_webhook};
  route_named(routes, "patchWebhook").target = Commands{update_webhook};
  route_named(routes, "restoreWebhook").target = Commands{restore_webhook, WorkClass::read};
  add_delivery_routes(routes);
}

}  // namespace perdure::api
