// SPDX-License-Identifier: Apache-2.0
// /durable-objects/{kind}/{id}/alarms and /durable-objects/transact: what objects do by themselves
// and together.
#include <algorithm>
#include <optional>
#include <utility>

#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/list_text.hpp"
#include "app/live_list.hpp"
#include "app/operating.hpp"
#include "app/routes/object_views.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/schemas/schema.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

using http::Method;

/// Read of the store at once: each may have a payload of 16 KiB, and its runs.
constexpr std::size_t alarms_at_once = 16;

/// Of an object that is there; else the answer has been given already.
bool is_there(Context& context) {
  auto there = context.services.runtime.inspect(object_of(context));
  if (there) return true;
  answer(context, std::move(there).error());
  return false;
}

std::optional<Alarm> alarm_of(Context& context) {
  if (!is_there(context)) return {};
  const auto name = context.value("name");
  auto alarm = context.services.runtime.alarm(object_of(context), name);
  if (alarm && *alarm) return std::move(**alarm);
  answer(context, alarm ? Error{.code = ErrorCode::not_found,
                                .detail = to_string(object_of(context)) + " has no alarm " +
                                          std::string{name}}
                        : alarm.error());
  return {};
}

/// The name of the alarm that could not be read; none when that was not the trouble.
std::optional<std::string> unreadable_alarm(const Error& error) {
  if (error.code != ErrorCode::corrupt || error.fields.empty()) return {};
  return error.fields.front().pointer;
}

void list_alarms(const ContextPtr& context) {
  if (!is_there(*context)) return;
  std::string from;
  if (const auto* cursor = context->find_query("cursor")) {
    auto name = from_base64url(*cursor);
    if (!name) {
      return answer(*context,
                    invalid_parameter("cursor", "invalid", "is no next_cursor of this list"));
    }
    from = std::move(*name);
  }
  ListText page{*context};
  auto at_once = alarms_at_once;
  for (;;) {
    const auto alarms = context->services.runtime.alarms(object_of(*context), from, at_once);
    if (!alarms) {
      const auto name = unreadable_alarm(alarms.error());
      if (!name) return answer(*context, Error{alarms.error()});
      // Those before it are read one by one.
      if (std::exchange(at_once, 1) > 1) continue;
      if (page.add_unreadable(*name) == Shown::refused) {
        return std::move(page).send(*context, to_base64url(*name));
      }
      from = *name + '\0';
      at_once = alarms_at_once;
      continue;
    }
    for (const auto& alarm : *alarms) {
      if (page.add(alarm) == Shown::taken) continue;
      return std::move(page).send(*context, to_base64url(alarm.spec.name));
    }
    if (alarms->size() < at_once) return std::move(page).send(*context, {});
    from = alarms->back().spec.name + '\0';
  }
}

void get_alarm(const ContextPtr& context) {
  if (const auto alarm = alarm_of(*context)) answer_json(*context, *alarm);
}

/// Newest first; cursors are positions.
void list_alarm_runs(const ContextPtr& context) {
  const auto alarm = alarm_of(*context);
  if (!alarm) return;
  const auto from = position_cursor(*context);
  if (!from) return answer(*context, Error{from.error()});
  ListText page{*context};
  for (auto at = std::min<std::size_t>(*from, alarm->runs.size()); at < alarm->runs.size(); ++at) {
    if (page.add(*(alarm->runs.rbegin() + static_cast<std::ptrdiff_t>(at))) == Shown::taken) {
      continue;
    }
    return std::move(page).send(*context, std::to_string(at));
  }
  std::move(page).send(*context, {});
}

void set_alarm(ContextPtr context) {
  auto call = make_call(*context, object_of(*context), CallType::command,
                        std::string{builtin::set_alarm}, std::move(context->body));
  if (!add_precondition(*context, call)) return;
  auto& called = *context;
  call_object(called, std::move(call), [context = std::move(context)](Result<Reply> reply) {
    if (!reply) return answer(*context, std::move(reply).error());
    context->replayed = reply->replayed;
    JsonAnswer json{.status = 201, .text = {}};
    write_json(json.text, reply->value);
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
    const ObjectId object{step.at("kind"), step.at("id")};
    if (auto allowed = check_operates(*context, object); !allowed) {
      return answer(*context, std::move(allowed).error());
    }
    steps.push_back({object, step.at("command"), step.value("payload", Json::object())});
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
  auto& all = add(Method::get, alarms, "listAlarms", "The object's alarms by name",
                  Slow{list_alarms}, "AlarmList");
  all.query = page_parameters();
  refuse_live(all, silent_turns);
  auto& set = add(Method::post, alarms, "setAlarm",
                  "Have a command run at a time, after a delay, every so often, or by cron",
                  Commands{set_alarm}, "Alarm");
  set.request_schema = "AlarmCreate";
  set.body = BodyUse::required;
  set.status = 201;
  set.example = R"({"name":"tick","command":"patch","payload":{"done":true},"after_ms":60000})";
  add(Method::get, alarms + "/{name}", "getAlarm", "One alarm", Slow{get_alarm}, "Alarm");
  add(Method::del, alarms + "/{name}", "deleteAlarm", "Remove an alarm", Commands{cancel_alarm}, "")
      .status = 204;
  auto& runs = add(Method::get, alarms + "/{name}/runs", "listAlarmRuns",
                   "Its newest runs, newest first", Slow{list_alarm_runs}, "AlarmRunList");
  runs.query = page_parameters();
  refuse_live(runs, silent_turns);
  auto& together = add(Method::post, "/durable-objects/transact", "transact",
                       "Run commands of several objects as one change: all or none",
                       Function{transact}, "TransactResult");
  together.request_schema = "Transact";
  together.body = BodyUse::required;
  together.example = R"({"steps":[{"kind":"counter","id":"a","command":"add","payload":{"by":-1}},)"
                     R"({"kind":"counter","id":"b","command":"add","payload":{"by":1}}]})";
}

}  // namespace perdure::api
