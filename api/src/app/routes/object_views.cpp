// SPDX-License-Identifier: Apache-2.0
#include "app/routes/object_views.hpp"

#include "app/services.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/schema.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json time_or_null(const std::optional<Timestamp>& time) {
  return time ? Json(format_rfc3339(*time)) : Json(nullptr);
}

std::string object_path(const ObjectId& object) {
  std::string path;
  for (const auto part : {api_prefix, std::string_view{"/durable-objects/"},
                          std::string_view{object.kind}, std::string_view{"/"}}) {
    path.append(part);
  }
  return path.append(percent_encode(object.id));
}

/// As `alarms` of an object's view: those of its first ones by name that will ring; null when they
/// cannot be read, which is not the same as none. A list of its own has them all.
Json pending_alarms(const Runtime& runtime, const ObjectId& object) {
  constexpr std::size_t alarms_looked_at_max = 32;
  const auto alarms = runtime.alarms(object, {}, alarms_looked_at_max);
  if (!alarms) return nullptr;
  auto pending = Json::array();
  for (const auto& alarm : *alarms) {
    if (!alarm.finished) pending.push_back(alarm);
  }
  return pending;
}

}  // namespace

ObjectId object_of(const Context& context) {
  return {.kind = std::string{context.values[0]}, .id = std::string{context.values[1]}};
}

Json shown_state(const Runtime& runtime, const std::string& kind, const Json& state) {
  const auto* definition = runtime.find_kind(kind);
  return definition == nullptr ? state : without_secrets(*definition, state);
}

Json object_view(const Runtime& runtime, const ObjectView& view, Activeness activeness) {
  const auto& meta = view.meta;
  const auto& object = meta.object();
  const bool by_turn = activeness == Activeness::of_its_turn;
  const bool is_active = by_turn || runtime.activity(object) == Activity::active;
  const auto used =
      by_turn ? meta.updated_at : runtime.last_active(object).value_or(meta.updated_at);
  return {{"object_id", to_string(object)},
          {"kind", object.kind},
          {"id", object.id},
          {"seq", meta.seq},
          {"status", is_active ? "active" : "hibernated"},
          {"schema_version", meta.schema_version},
          {"owner", text_or_null(meta.origin->owner.text())},
          {"grants", grants_json(meta)},
          {"created_at", format_rfc3339(meta.origin->created_at)},
          {"created_by", meta.origin->created_by},
          {"updated_at", format_rfc3339(meta.updated_at)},
          {"updated_by", meta.updated_by},
          {"last_active_at", format_rfc3339(std::max(used, meta.updated_at))},
          {"deleted_at", time_or_null(meta.deleted_at)},
          {"state", shown_state(runtime, object.kind, view.state)},
          {"sizes", {{"state_bytes", dump_json(view.state).size()}}},
          {"alarms", pending_alarms(runtime, object)}};
}

void answer_view(Context& context, Result<ObjectView> view, Activeness activeness) {
  if (!view) return answer(context, std::move(view).error());
  JsonAnswer json{.status = context.route->route.status, .text = {}, .seq = view->meta.validator()};
  write_json(json.text, object_view(context.services.runtime, *view, activeness));
  if (json.status == 201) {
    const auto& object = view->meta.object();
    json.location = object_path(object);
  }
  answer(context, std::move(json));
}

ReplyHandler view_answerer(ContextPtr context, std::string_view payload_at) {
  return [context = std::move(context), payload_at](Result<Reply> reply) {
    if (!reply) return answer(*context, within(std::move(reply).error(), payload_at));
    context->replayed = reply->replayed;
    answer_view(*context,
                ObjectView{.meta = std::move(reply->meta), .state = std::move(reply->value)},
                context->is_read() ? Activeness::now : Activeness::of_its_turn);
  };
}

void call_and_answer_view(const ContextPtr& context, Call call, std::string_view payload_at) {
  call_object(*context, std::move(call), view_answerer(context, payload_at));
}

}  // namespace perdure::api
