// SPDX-License-Identifier: Apache-2.0
// /durable-objects: lists, kinds, and one object's state and requests.
#include <algorithm>

#include "app/checks.hpp"
#include "app/context.hpp"
#include "app/dispatch.hpp"
#include "app/list_text.hpp"
#include "app/live_list.hpp"
#include "app/operating.hpp"
#include "app/routes/object_views.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

using http::Method;

// A page over several kinds: `<kind>~<the kind's own cursor>`.
struct ListPlace {
  std::string kind;
  std::string cursor;
};

Result<ListPlace> read_place(const Context& context, const std::vector<std::string>& kinds) {
  ListPlace place{.kind = kinds.front(), .cursor = {}};
  const auto* cursor = context.find_query("cursor");
  if (cursor == nullptr) return place;
  const auto mark = cursor->find('~');
  place.kind = cursor->substr(0, mark);
  if (mark != std::string::npos) place.cursor = cursor->substr(mark + 1);
  if (mark == std::string::npos || std::ranges::find(kinds, place.kind) == kinds.end()) {
    return fail(invalid_parameter("cursor", "invalid", "is no next_cursor of this list"));
  }
  return place;
}

Result<std::vector<std::string>> wanted_kinds(const Context& context) {
  const auto& runtime = context.services.runtime;
  if (const auto* kind = context.find_query("kind")) {
    if (runtime.find_kind(*kind) == nullptr) {
      return fail(invalid_parameter("kind", "unknown", "is no kind of this server"));
    }
    PERDURE_TRY_VOID(check_operates(context, {*kind, {}}));
    return std::vector{*kind};
  }
  std::vector<std::string> kinds;
  for (const auto& kind : runtime.kinds()) {
    if (may_operate(context, kind.name())) kinds.push_back(kind.name());
  }
  std::ranges::sort(kinds);
  return kinds;
}

std::optional<Activity> wanted_activity(const Context& context) {
  const auto* status = context.find_query("status");
  if (status == nullptr || status->find(',') != std::string::npos) return {};
  return *status == "active" ? Activity::active : Activity::hibernated;
}

/// One kind, whose changes the event log tells.
Result<LiveRequest> followed_objects(const Context& context) {
  const auto& runtime = context.services.runtime;
  const auto* name = context.find_query("kind");
  if (name == nullptr) {
    return fail(invalid_parameter("kind", "required", "is needed: a live list is of one kind"));
  }
  PERDURE_TRY_VOID(wanted_kinds(context));
  if (!runtime.find_kind(*name)->changes) {
    return fail(invalid_parameter(
        "kind", "unsupported", "is a kind that publishes no changes: its list cannot be followed"));
  }
  if (context.find_query("status") != nullptr) {
    return fail(invalid_parameter("status", "combination", "changes without events"));
  }
  const bool are_deleted = context.query_is("deleted", "true");
  ListRequest request{.kind = *name,
                      .limit = static_cast<std::size_t>(number_or(context, "limit", 50))};
  if (are_deleted) request.lives = ListRequest::Lives::deleted;
  if (const auto* cursor = context.find_query("cursor")) request.cursor = *cursor;
  return LiveRequest{.request = std::move(request),
                     .is_in =
                         [are_deleted](const ObjectView& view) {
                           return view.meta.seq > 0 && !view.state.is_null() &&
                                  view.meta.exists() != are_deleted;
                         },
                     .shown = [&runtime](const ObjectView& view) -> Result<Json> {
                       return object_view(runtime, view);
                     }};
}

void list_objects(const ContextPtr& context) {
  if (wants_live(*context)) {
    auto followed = followed_objects(*context);
    if (!followed) return answer(*context, std::move(followed).error());
    return open_live_list(context, std::move(*followed));
  }
  auto kinds = wanted_kinds(*context);
  if (!kinds) return answer(*context, std::move(kinds).error());
  if (kinds->empty()) return ListText{*context}.send(*context, {});
  auto place = read_place(*context, *kinds);
  if (!place) return answer(*context, std::move(place).error());

  ListRequest request{.kind = {}, .activity = wanted_activity(*context)};
  if (context->query_is("deleted", "true")) request.lives = ListRequest::Lives::deleted;
  ListText page{*context};
  std::string next;
  request.cursor = place->cursor;
  for (auto kind = std::ranges::find(*kinds, place->kind); kind != kinds->end(); ++kind) {
    if (page.full()) {
      next = *kind + '~';
      break;
    }
    request.kind = *kind;
    request.limit = page.left();
    const auto end = context->services.runtime.list(
        request, [&](const ObjectId& object, const Result<ObjectView>& view) {
          return view ? page.add(object_view(context->services.runtime, *view))
                      : page.add_unreadable(object);
        });
    if (!end) return answer(*context, Error{end.error()});
    if (!end->at_end) {
      next = *kind + '~' + end->next_cursor;
      break;
    }
    request.cursor.clear();
  }
  std::move(page).send(*context, next);
}

Json names_of(const auto& map) {
  auto names = Json::array();
  for (const auto& [name, definition] : map) names.push_back(name);
  return names;
}

// The commands of a kind that are answered before they are synced.
Json durability_of_commands(const KindDefinition& kind) {
  auto commands = Json::object();
  for (const auto& [name, command] : kind.commands) {
    const auto durability = durability_of(kind, name);
    if (durability != Durability::sync) commands[name] = name_of(durability);
  }
  return commands;
}

void list_kinds(const ContextPtr& context) {
  auto items = Json::array();
  for (const auto& kind : context->services.runtime.kinds()) {
    const auto& definition = kind.definition();
    auto indexes = Json::array();
    for (const auto& index : definition.indexes) indexes.push_back(index.name);
    items.push_back({{"name", definition.name},
                     {"schema_version", definition.schema_version},
                     {"commands", names_of(definition.commands)},
                     {"queries", names_of(definition.queries)},
                     {"indexes", std::move(indexes)},
                     {"durability", durability_of_commands(definition)}});
  }
  // The kinds are those of the program: they are one page.
  answer_json(*context, {{"items", std::move(items)}, {"next_cursor", nullptr}});
}

void create_object(ContextPtr context) {
  auto& body = context->body;
  auto& services = context->services;
  ObjectId object{.kind = body["kind"].get<std::string>(),
                  .id = body.contains("id") ? body["id"].get<std::string>() : fresh_id(*context)};
  if (services.runtime.find_kind(object.kind) == nullptr) {
    Error error{.code = ErrorCode::invalid, .detail = "there is no kind " + object.kind};
    error.fields.push_back({"/kind", "unknown", "is no kind of this server"});
    return answer(*context, std::move(error));
  }
  if (auto allowed = check_operates(*context, object); !allowed) {
    return answer(*context, std::move(allowed).error());
  }
  Json payload = Json::object();
  if (body.contains("state")) payload["state"] = std::move(body["state"]);
  call_and_answer_view(context,
                       make_call(*context, std::move(object), CallType::command,
                                 std::string{builtin::create}, std::move(payload)),
                       "/state");
}

void get_object(ContextPtr context) {
  const auto object = object_of(*context);
  const auto* as_of = context->find_query("as_of");
  if (as_of == nullptr && context->services.runtime.activity(object) == Activity::active) {
    // In memory already, so asking it neither wakes it nor reads the disk.
    return call_and_answer_view(
        context, make_call(*context, object, CallType::query, std::string{builtin::get}));
  }
  const auto look = [context, object, as_of] {
    auto when = as_of == nullptr ? Result<AsOf>{AsOf{}} : read_as_of(*as_of);
    if (!when) return answer(*context, std::move(when).error());
    answer_view(*context, context->services.runtime.inspect(object, *when));
  };
  run_slow(context, WorkClass::read, look);
}

template <const std::string_view& name>
void change_object(ContextPtr context) {
  auto payload = std::move(context->body);
  auto call = make_call(*context, object_of(*context), CallType::command, std::string{name},
                        std::move(payload));
  if (!add_precondition(*context, call)) return;
  call_and_answer_view(context, std::move(call));
}

// The hot path of many clients: one parse, one call, and the reply's own text as the body.
void request_object(ContextPtr context) {
  auto& body = context->body;
  const auto command = body.find("command");
  const bool is_command = command != body.end();
  auto& name = is_command ? *command : body["query"];
  Json payload = Json::object();
  if (const auto sent = body.find("payload"); sent != body.end()) payload = std::move(*sent);
  auto call =
      make_call(*context, object_of(*context), is_command ? CallType::command : CallType::query,
                std::move(name.get_ref<std::string&>()), std::move(payload));
  if (!add_precondition(*context, call)) return;
  call_and_answer(std::move(context), std::move(call), Render::item, "/payload");
}

std::vector<Parameter> list_parameters() {
  auto parameters = page_parameters();
  parameters.push_back({.name = "kind", .description = "Only objects of this kind."});
  parameters.push_back(
      {.name = "status",
       .description = "Only objects that are in memory, or that are not.",
       .values = {"active", "hibernated", "active,hibernated", "hibernated,active"}});
  parameters.push_back(deleted_parameter());
  return parameters;
}

const Permission read{"durable-objects", Access::read, Audience::admin};
const Permission write{"durable-objects", Access::write, Audience::admin};

void add_route(std::vector<Route>& routes, Route route) {
  route.tag = "Durable objects";
  if (route.response_schema.empty()) route.response_schema = "ObjectView";
  routes.push_back(std::move(route));
}

void add_collection_routes(std::vector<Route>& routes) {
  const auto add = [&](Route route) { add_route(routes, std::move(route)); };
  add({.path = "/durable-objects",
       .operation = "listObjects",
       .summary = "Objects of all kinds, or of one",
       .permission = read,
       .target = Slow{list_objects},
       .response_schema = "ObjectViewList",
       .query = list_parameters()});
  offer_live(routes.back());
  routes.back().description += " Of one `kind`, which publishes its changes.";
  add({.path = "/durable-objects/kinds",
       .operation = "listKinds",
       .summary = "The kinds that this server has",
       .permission = read,
       .target = Function{list_kinds},
       .response_schema = "KindViewList"});
  refuse_live(routes.back(), "kinds are those of the program, and stay as they are");
  add({.method = Method::post,
       .path = "/durable-objects",
       .operation = "createObject",
       .summary = "Create an object, with a state or with its kind's first one",
       .permission = write,
       .target = Commands{create_object},
       .request_schema = "ObjectCreate",
       .status = 201,
       .body = BodyUse::required,
       .example = R"({"kind":"document","id":"travels","state":{"title":"Travels"}})"});
}

}  // namespace

void add_object_routes(std::vector<Route>& routes) {
  add_collection_routes(routes);
  const auto add = [&](Route route) { add_route(routes, std::move(route)); };
  const std::string item = "/durable-objects/{kind}/{id}";
  add({.path = item,
       .operation = "getObject",
       .summary = "An object's state, now or in the past; wakes nobody",
       .permission = read,
       .target = Function{get_object},
       .query = {{.name = "as_of",
                  .type = ParameterType::as_of,
                  .description = "A seq, or a time: the newest record at or before it."}}});
  add({.method = Method::put,
       .path = item,
       .operation = "replaceObject",
       .summary = "Replace an object's state",
       .permission = write,
       .target = Commands{change_object<builtin::replace>},
       .body = BodyUse::required,
       .example = R"({"title":"Travels","done":false})"});
  add({.method = Method::patch,
       .path = item,
       .operation = "patchObject",
       .summary = "Change an object's state by a JSON Merge Patch",
       .permission = write,
       .target = Commands{change_object<builtin::patch>},
       .request_schema = "ObjectPatch",
       .body = BodyUse::required,
       .example = R"({"done":true})"});
  routes.push_back({.method = Method::del,
                    .path = item,
                    .operation = "deleteObject",
                    .tag = "Durable objects",
                    .summary = "Delete an object; restore brings it back",
                    .permission = write,
                    .target = ObjectCall{.type = CallType::command,
                                         .name = std::string{builtin::remove},
                                         .render = Render::nothing},
                    .status = 204});
  add({.method = Method::post,
       .path = item + "/restore",
       .operation = "restoreObject",
       .summary = "Bring back an object that was deleted",
       .permission = write,
       .target = Commands{change_object<builtin::undelete>}});
  routes.push_back({.method = Method::post,
                    .path = item + "/request",
                    .operation = "requestObject",
                    .tag = "Durable objects",
                    .summary = "Call one of the kind's commands or queries; its reply is the body",
                    .permission = write,
                    .target = Commands{request_object},
                    .request_schema = "ObjectRequest",
                    .body = BodyUse::required,
                    .example = R"({"command":"add","payload":{"by":1}})"});
}

}  // namespace perdure::api
