// SPDX-License-Identifier: Apache-2.0
// /durable-objects/{kind}/{id}/alarms and /durable-objects/transact: what objects do by themselves
// and together.
#include <algorithm>

#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/json_text.hpp"
#include "app/routes/object_views.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

using http::Method;

/// The object's alarms; none when the answer has been given already.
std::optional<std::vector<Alarm>> alarms_of(Context& context) {
  const auto object = object_of(context);
  if (auto there = context.services.runtime.inspect(object); !there) {
    answer(context, std::move(there).error());
    return {};
  }
  auto alarms = context.services.runtime.alarms(object);
  if (!alarms) {
    answer(context, std::move(alarms).error());
    return {};
  }
  return std::move(*alarms);
}

std::optional<Alarm> alarm_of(Context& context) {
  auto alarms = alarms_of(context);
  if (!alarms) return {};
  const auto name = context.value("name");
  const auto found =
      std::ranges::find_if(*alarms, [&](const Alarm& alarm) { return alarm.spec.name == name; });
  if (found != alarms->end()) return std::move(*found);
  answer(context,
         Error{.code = ErrorCode::not_found,
               .detail = to_string(object_of(context)) + " has no alarm " + std::string{name}});
  return {};
}

/// One page of a list that is small enough to be made whole; cursors are its positions.
void answer_page(Context& context, const std::vector<Json>& all) {
  const auto from = position_cursor(context);
  if (!from) return answer(context, Error{from.error()});
  const auto limit = static_cast<std::size_t>(number_or(context, "limit", 50));
  std::string items;
  std::size_t at = std::min<std::size_t>(*from, all.size());
  const auto end = std::min(at + limit, all.size());
  for (; at < end; ++at) {
    if (!items.empty()) items += ',';
    append_json(items, all[at]);
  }
  answer(context, list_answer(context, items, at < all.size() ? std::to_string(at) : ""));
}

void list_alarms(const ContextPtr& context) {
  const auto alarms = alarms_of(*context);
  if (alarms) answer_page(*context, {alarms->begin(), alarms->end()});
}

void get_alarm(const ContextPtr& context) {
  if (const auto alarm = alarm_of(*context)) answer_json(*context, *alarm);
}

void list_alarm_runs(const ContextPtr& context) {
  const auto alarm = alarm_of(*context);
  if (alarm) answer_page(*context, {alarm->runs.rbegin(), alarm->runs.rend()});
}

void set_alarm(ContextPtr context) {
  auto call = make_call(*context, object_of(*context), CallType::command,
                        std::string{builtin::set_alarm}, std::move(context->body));
  if (!add_precondition(*context, call)) return;
  auto& runtime = context->services.runtime;
  runtime.call(std::move(call), [context](Result<Reply> reply) {
    if (!reply) return answer(*context, std::move(reply).error());
    context->replayed = reply->replayed;
    JsonAnswer json{.status = 201, .text = {}};
    append_json(json.text, reply->value);
    json.location = location_of(*context, reply->value.at("name").get<std::string>());
    answer(*context, std::move(json));
  });
}

void cancel_alarm(ContextPtr context) {
  auto call = make_call(*context, object_of(*context), CallType::command,
                        std::string{builtin::cancel_alarm}, {{"name", context->value("name")}});
  if (!add_precondition(*context, call)) return;
  call_and_answer(std::move(context), std::move(call), Render::nothing);
}

void transact(ContextPtr context) {
  std::vector<TransactionStep> steps;
  for (const auto& step : context->body.at("steps")) {
    steps.push_back({{step.at("kind"), step.at("id")},
                     step.at("command"),
                     step.value("payload", Json(nullptr))});
  }
  auto& runtime = context->services.runtime;
  // As a call of the first object, for the principal, the idempotency key and the trace.
  const auto call = make_call(*context, steps.front().object, CallType::command, "transact", {});
  runtime.transact(std::move(steps),
                   {.principal = call.principal,
                    .idempotency_key = call.idempotency_key,
                    .request_id = call.request_id,
                    .traceparent = call.traceparent},
                   [context](Result<Reply> reply) {
                     if (!reply) {
                       return answer(*context, within(std::move(reply).error(), "/steps"));
                     }
                     context->replayed = reply->replayed;
                     answer_json(*context, {{"results", reply->value}});
                   });
}

}  // namespace

void add_object_alarm_routes(std::vector<Route>& routes) {
  const OperatorRoutes add{routes};
  const std::string alarms = "/durable-objects/{kind}/{id}/alarms";
  add(Method::get, alarms, "listAlarms", "The object's alarms by name", Slow{list_alarms},
      "AlarmList")
      .query = page_parameters();
  auto& set = add(Method::post, alarms, "setAlarm",
                  "Have a command run at a time, after a delay, every so often, or by cron",
                  Function{set_alarm}, "Alarm");
  set.request_schema = "AlarmCreate";
  set.body = BodyUse::required;
  set.status = 201;
  set.example = R"({"name":"tick","command":"patch","payload":{"done":true},"after_ms":60000})";
  add(Method::get, alarms + "/{name}", "getAlarm", "One alarm", Slow{get_alarm}, "Alarm");
  add(Method::del, alarms + "/{name}", "deleteAlarm", "Remove an alarm", Function{cancel_alarm}, "")
      .status = 204;
  add(Method::get, alarms + "/{name}/runs", "listAlarmRuns", "Its newest runs, newest first",
      Slow{list_alarm_runs}, "AlarmRunList")
      .query = page_parameters();
  auto& together = add(Method::post, "/durable-objects/transact", "transact",
                       "Run commands of several objects as one change: all or none",
                       Function{transact}, "TransactResult");
  together.request_schema = "Transact";
  together.body = BodyUse::required;
  together.example = R"({"steps":[{"kind":"counter","id":"a","command":"add","payload":{"by":-1}},)"
                     R"({"kind":"counter","id":"b","command":"add","payload":{"by":1}}]})";
}

}  // namespace perdure::api
