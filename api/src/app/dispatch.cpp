// SPDX-License-Identifier: Apache-2.0
#include "app/dispatch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/checks.hpp"
#include "app/listed_value.hpp"
#include "app/live_list.hpp"
#include "app/new_id.hpp"
#include "app/object_list.hpp"
#include "app/roll_up.hpp"
#include "app/services.hpp"
#include "app/slow_work.hpp"
#include "perdure/actors/items.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/schemas/schema.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

Json typed_value(const Parameter& parameter, const std::string& text) {
  switch (parameter.type) {
    case ParameterType::integer: return std::stoll(text);
    case ParameterType::boolean: return text == "true";
    default: return text;
  }
}

Json typed(const Parameter& parameter, const std::string& text) {
  if (parameter.takes == Parameter::Takes::one) return typed_value(parameter, text);
  auto values = Json::array();
  for (const auto& written : listed_values(text)) {
    const auto one = read_listed_value(written);
    values.push_back(one ? typed_value(parameter, *one) : Json(nullptr));
  }
  return values;
}

}  // namespace

Json query_as_json(const Context& context) {
  auto json = Json::object();
  for (const auto& [name, text] : context.query) {
    if (name == ticket_parameter) continue;  // it is a credential
    const auto& declared = context.route->route.query;
    json[name] = typed(*std::ranges::find(declared, name, &Parameter::name), text);
  }
  return json;
}

Json query_payload(const Context& context, PayloadFrom from) {
  auto payload = query_as_json(context);
  if (from == PayloadFrom::item_query) {
    payload["id"] = std::string{context.values[context.route->path_parameters.size() - 1]};
  }
  return payload;
}

Error of_parameters(const Context& context, Error error) {
  const auto* call = std::get_if<ObjectCall>(&context.route->route.target);
  const bool is_query = call != nullptr && (call->payload == PayloadFrom::query ||
                                            call->payload == PayloadFrom::item_query);
  if (!is_query) return error;
  for (auto& field : error.fields) {
    if (field.pointer.starts_with('/')) field.pointer.erase(0, 1);
  }
  return error;
}

namespace {

bool is_put(const Context& context) { return context.request.method == http::Method::put; }

/// The body with what the query says beside it. Errors: invalid (both say it, and not the same).
Result<Json> body_and_query(const Context& context) {
  auto payload = query_as_json(context);
  for (const auto& [name, value] : context.body.items()) {
    if (value.is_null() && payload.contains(name)) continue;
    if (payload.contains(name) && payload[name] != value) {
      return fail(invalid_parameter(name, "combination", "says another thing than the body"));
    }
    payload[name] = value;
  }
  return payload;
}

Result<Json> payload_of(Context& context, PayloadFrom from) {
  const auto& route = *context.route;
  const auto last = [&] { return std::string{context.values[route.path_parameters.size() - 1]}; };
  switch (from) {
    case PayloadFrom::nothing: break;
    case PayloadFrom::body: return std::move(context.body);
    case PayloadFrom::body_query: return body_and_query(context);
    case PayloadFrom::query:
    case PayloadFrom::item_query: return query_payload(context, from);
    case PayloadFrom::changes: {
      Json payload{{"id", last()}, {"changes", std::move(context.body)}};
      if (is_put(context)) payload[actors::item_member::put] = true;
      return payload;
    }
    case PayloadFrom::item: {
      Json payload = context.body.is_object() ? std::move(context.body) : Json::object();
      payload["id"] = last();
      return payload;
    }
  }
  return Json(nullptr);
}

ObjectId target_of(const Context& context, const ObjectCall& target) {
  const auto place = target.kind.empty() ? 1U : 0U;
  ObjectId object{.kind = target.kind.empty() ? std::string{context.values[0]} : target.kind,
                  .id = {}};
  switch (target.id) {
    case IdFrom::path: object.id = std::string{context.values[place]}; break;
    case IdFrom::caller: object.id = context.principal().user_id; break;
    case IdFrom::fresh: break;  // see id_to_create
  }
  return object;
}

// The item judges it, as it is when the call runs. What the call is for exists, or else it is a
// 404: so `*` is always it.
void add_item_precondition(const Context& context, Call& call) {
  using Strength = TagList::Tag::Strength;
  const auto add = [&](std::string_view member, const TagList& list, Strength least) {
    auto seqs = Json::array();
    for (const auto& tag : list.tags) {
      if (tag.seq && (least == Strength::weak || tag.strength == Strength::strong)) {
        seqs.push_back(*tag.seq);
      }
    }
    call.payload[member] = std::move(seqs);
  };
  const auto& match = context.if_match;
  const auto& none = context.if_none_match;
  if (match && match->scope != TagList::Scope::any) {
    add(actors::item_member::if_seqs, *match, Strength::strong);
  }
  if (none && none->scope == TagList::Scope::any) {
    call.payload[actors::item_member::if_seqs] = Json::array();
  } else if (none) {
    add(actors::item_member::if_not_seqs, *none, Strength::weak);
  }
}

/// What of a change may be what is shown and not stored, so that sent back it changes nothing.
struct SentAsShown {
  const actors::NounRollUp* roll_up = nullptr;  ///< null: no rolled up number
  const KindDefinition* kind = nullptr;         ///< null: no reference as null in a PUT

  [[nodiscard]] bool takes_a_look() const { return roll_up != nullptr || kind != nullptr; }
};

SentAsShown sent_as_shown(const Context& context, const Call& call) {
  SentAsShown sent;
  const auto& payload = call.payload;
  if (!payload.is_object()) return sent;
  const auto* rules = roll_up_of(call.target.kind);
  if (rules != nullptr && payload.contains(rules->field)) sent.roll_up = rules;
  const auto* kind = context.services.runtime.find_kind(call.target.kind);
  if (!is_put(context) || kind == nullptr || call.name != actors::command::update) return sent;
  const bool has_null = std::ranges::any_of(kind->references, [&](const auto& reference) {
    const auto found = payload.find(reference.field);
    return found != payload.end() && found->is_null();
  });
  if (has_null) sent.kind = kind;
  return sent;
}

/// Notes the ids that the client read as null because what they name is gone.
void note_dead_references(const Context& context, const KindDefinition& kind, const Json& state,
                          Json& payload) {
  const auto shown = without_dead_references(context, kind, state);
  for (const auto& reference : kind.references) {
    const auto stored = state.find(reference.field);
    if (stored == state.end() || stored->is_null() || !shown.at(reference.field).is_null())
      continue;
    payload[actors::dead_member][reference.field] = *stored;
  }
}

void change_and_answer(const ContextPtr& context, const SentAsShown& sent, Call call,
                       Render render) {
  run_slow(context, WorkClass::read, [context, sent, call = std::move(call), render]() mutable {
    const auto& runtime = context->services.runtime;
    if (const auto view = look_at(*context, call.target); view && view->meta.exists()) {
      if (sent.kind != nullptr) {
        note_dead_references(*context, *sent.kind, view->state, call.payload);
      }
      if (sent.roll_up != nullptr) {
        const auto shown = with_roll_up(runtime, *sent.roll_up, view->meta, view->state);
        if (shown) leave_shown(*sent.roll_up, *shown, call.payload);
      }
    }
    call_and_answer(context, std::move(call), render);
  });
}

void run(ContextPtr context, const ObjectCall& target) {
  auto object = target_of(*context, target);
  if (target.id == IdFrom::fresh) {
    auto id = id_to_create(*context);
    if (!id) return answer(*context, std::move(id).error());
    object.id = std::move(*id);
  }
  auto call = make_call(*context, std::move(object), target.type, target.name);
  auto payload = payload_of(*context, target.payload);
  if (!payload) return answer(*context, std::move(payload).error());
  call.payload = std::move(*payload);
  if (auto valid = validate(call.target); !valid) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "no such object"});
  }
  const bool is_change = target.type == CallType::command && target.id != IdFrom::fresh;
  if (is_change && context->route->route.validator == Validator::item) {
    add_item_precondition(*context, call);
  } else if (is_change && !add_precondition(*context, call)) {
    return;
  }
  const auto sent = is_change ? sent_as_shown(*context, call) : SentAsShown{};
  if (sent.takes_a_look()) {
    return change_and_answer(context, sent, std::move(call), target.render);
  }
  call_and_answer(std::move(context), std::move(call), target.render);
}

/// Which references of a state read as null, as the ETag tells it: what they name is gone, or back,
/// without a change of the object itself. Empty: none.
std::string dead_references(const KindDefinition& kind, const Json& stored, const Json& shown) {
  std::uint64_t dead = 0;
  for (std::size_t i = 0; i < kind.references.size(); ++i) {
    const auto& field = kind.references[i].field;
    const auto found = stored.find(field);
    if (found == stored.end() || found->is_null()) continue;
    if (shown.at(field).is_null()) dead |= std::uint64_t{1} << i % 64;
  }
  return dead == 0 ? std::string{} : fmt::format("{:x}", dead);
}

/// Errors: those of reading what the body shows beside the object's state.
Result<void> render_resource(const Context& context, const Reply& reply, JsonAnswer& json) {
  const auto& runtime = context.services.runtime;
  const auto* kind = runtime.find_kind(reply.meta.object().kind);
  auto state = reply.value;
  if (kind != nullptr && !kind->references.empty() && state.is_object()) {
    state = without_dead_references(context, *kind, std::move(state));
    json.beside = dead_references(*kind, reply.value, state);
  }
  if (const auto* rules = roll_up_of(reply.meta.object().kind)) {
    PERDURE_TRY(shown, with_roll_up(runtime, *rules, reply.meta, std::move(state)));
    state = std::move(shown);
    json.beside += '_' + state.at(rules->field).dump();
  }
  write_json(json.text, actors::resource_body(reply.meta, std::move(state)));
  return {};
}

void answer_item(Context& context, Json item) {
  JsonAnswer json{.status = context.route->route.status};
  const auto seq = item.find(actors::item_member::seq);
  if (seq != item.end()) {
    json.seq = seq->get<Seq>();
    item.erase(seq);
  }
  if (json.status == 201) json.location = location_of(context, item.value("id", ""));
  write_json(json.text, item);
  answer(context, std::move(json));
}

void render_reply(Context& context, const Reply& reply, Render render) {
  const auto& route = context.route->route;
  context.replayed = reply.replayed;
  if (render == Render::nothing) return answer_nothing(context);
  JsonAnswer json{.status = route.status, .text = {}, .seq = reply.meta.validator()};
  const auto& object = reply.meta.object();
  switch (render) {
    case Render::resource:
      if (auto rendered = render_resource(context, reply, json); !rendered) {
        return answer(context, std::move(rendered).error());
      }
      if (route.status == 201) json.location = location_of(context, object.id);
      break;
    case Render::list: {
      write_json(json.text, reply.value);
      const auto cursor = reply.value.find("next_cursor");
      if (cursor != reply.value.end() && cursor->is_string()) {
        json.link = next_link(context, cursor->get_ref<const std::string&>());
      }
      break;
    }
    default:
      if (route.validator == Validator::item) return answer_item(context, reply.value);
      write_json(json.text, reply.value);
      if (route.status == 201 && reply.value.is_object()) {
        json.location = location_of(context, reply.value.value("id", ""));
      }
  }
  answer(context, std::move(json));
}

}  // namespace

namespace {

/// Whether what a resource is shown with takes longer to read than a thread that others need has.
bool reads_to_render(const Context& context, const Reply& reply) {
  const auto& name = reply.meta.object().kind;
  if (roll_up_of(name) != nullptr) return true;
  const auto& runtime = context.services.runtime;
  if (!runtime.reads_are_slow()) return false;
  const auto* kind = runtime.find_kind(name);
  return kind != nullptr && !kind->references.empty();
}

/// Whether the request's conditions need a look at the store before its object is called.
bool looks_first(const Context& context) {
  if (!context.services.runtime.reads_are_slow()) return false;
  return context.if_none_match || (context.if_match && context.if_match->tags.size() != 1);
}

}  // namespace

void call_and_answer(ContextPtr context, Call&& call, Render render, std::string_view payload_at) {
  auto& called = *context;
  call_object(called, std::move(call),
              [context = std::move(context), render, payload_at](Result<Reply> reply) {
                if (!reply) {
                  auto error = explain_taken_id(*context, std::move(reply).error());
                  error = of_parameters(*context, std::move(error));
                  return answer(*context, within(std::move(error), payload_at));
                }
                if (render != Render::resource || !reads_to_render(*context, *reply)) {
                  return render_reply(*context, *reply, render);
                }
                run_slow(context, WorkClass::read, [context, reply = std::move(*reply), render] {
                  render_reply(*context, reply, render);
                });
              });
}

std::string next_link(const Context& context, std::string_view cursor) {
  if (cursor.empty()) return {};
  std::string link{"<"};
  link += api_prefix;
  for (std::size_t i = 0; i < context.path.size(); ++i) {
    link += '/';
    link += percent_encode(context.path[i]);
  }
  link += '?';
  for (const auto& [name, value] : context.query) {
    if (name != "cursor") link += name + '=' + percent_encode(value) + '&';
  }
  link += "cursor=" + percent_encode(cursor) + ">; rel=\"next\"";
  return link;
}

void answer_json(Context& context, const Json& value) {
  JsonAnswer json{.status = context.route->route.status, .text = {}};
  write_json(json.text, value);
  answer(context, std::move(json));
}

std::string location_of(const Context& context, std::string_view id) {
  std::string location{api_prefix};
  for (std::size_t i = 0; i < context.path.size(); ++i) {
    location += '/';
    location += percent_encode(context.path[i]);
  }
  return location + '/' + percent_encode(id);
}

void dispatch(ContextPtr context) {
  const auto& target = context->route->route.target;
  if (const auto* call = std::get_if<ObjectCall>(&target)) {
    if (call->render == Render::list && wants_live(*context)) {
      auto payload = query_payload(*context, call->payload);
      return open_live_items(std::move(context), *call, std::move(payload));
    }
    if (!looks_first(*context)) return run(std::move(context), *call);
    return run_slow(context, WorkClass::read, [context, call] { run(context, *call); });
  }
  if (const auto* commands = std::get_if<Commands>(&target)) {
    if (!commands->slow && !looks_first(*context)) return commands->run(std::move(context));
    return run_slow(context, commands->slow.value_or(WorkClass::read),
                    [context, commands] { commands->run(context); });
  }
  if (const auto* function = std::get_if<Function>(&target)) return (*function)(std::move(context));
  if (const auto* list = std::get_if<ObjectList>(&target);
      list != nullptr && wants_live(*context)) {
    return run_slow(context, WorkClass::read, [context, list] { open_live_list(context, *list); });
  }
  if (const auto* list = std::get_if<ObjectList>(&target)) {
    return run_slow(context, WorkClass::read, [context, list] { answer_list(context, *list); });
  }
  if (const auto* sliced = std::get_if<Sliced>(&target)) {
    return run_slow(context, sliced->work, sliced->begin(context));
  }
  const auto& slow = std::get<Slow>(target);
  run_slow(context, slow.work, [context, &slow] { slow.run(context); });
}

}  // namespace perdure::api
