// SPDX-License-Identifier: Apache-2.0
#include "app/routes/resources.hpp"

#include <algorithm>
#include <iterator>

#include "app/live_list.hpp"
#include "app/object_list.hpp"
#include "perdure/base/check.hpp"

namespace perdure::api {

namespace {

using http::Method;

ObjectCall command(std::string kind, std::string_view name, PayloadFrom payload, Render render,
                   IdFrom id = IdFrom::path) {
  return {.kind = std::move(kind),
          .id = id,
          .type = CallType::command,
          .name = std::string{name},
          .payload = payload,
          .render = render};
}

// `PageRevision` → `page revision`, `ApiKey` → `API key`.
std::string words_of(std::string_view schema) {
  std::string words;
  for (const char c : schema) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && !words.empty()) words += ' ';
    words += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (words.starts_with("api ")) words.replace(0, 3, "API");
  return words;
}

std::string with_article(const std::string& words) {
  return (std::string_view{"aAeio"}.find(words.front()) == std::string_view::npos ? "a " : "an ") +
         words;
}

}  // namespace

Route& route_named(std::vector<Route>& routes, std::string_view operation) {
  const auto found = std::ranges::find(routes, operation, &Route::operation);
  PERDURE_CHECK(found != routes.end(), operation);
  return *found;
}

void remove_route(std::vector<Route>& routes, std::string_view operation) {
  const auto count =
      std::erase_if(routes, [&](const Route& route) { return route.operation == operation; });
  PERDURE_CHECK(count == 1, operation);
}

std::vector<Parameter> page_parameters() {
  return {{.name = "limit",
           .type = ParameterType::integer,
           .description =
               "How many items a page has at most; 50 when absent. A page has at most 1 MiB: "
               "one that would have more comes short, with a `next_cursor`.",
           .minimum = 1,
           .maximum = 500},
          {.name = "cursor", .description = "`next_cursor` of the page before."}};
}

Parameter sort_parameter(const std::vector<std::string>& fields) {
  Parameter sort{.name = "sort", .description = "The field to sort by; `-` before it: descending."};
  for (const auto& field : fields) {
    sort.values.push_back(field);
    sort.values.push_back("-" + field);
  }
  return sort;
}

ObjectCall list_of_items(std::string kind, const std::string& items) {
  return {.kind = std::move(kind),
          .name = "list_" + items,
          .payload = PayloadFrom::query,
          .render = Render::list};
}

Parameter deleted_parameter() {
  return {.name = "deleted",
          .type = ParameterType::boolean,
          .description =
              "`true`: deleted ones instead; newest deletion first, unless `sort` or a filter "
              "is given."};
}

Parameter count_parameter() {
  return {.name = "count",
          .type = ParameterType::boolean,
          .description =
              "`true`: how many there are on all pages, in `total`; where it is not known exactly "
              "that is null, and `total_at_least` says how many at least."};
}

Parameter device_parameter() {
  return {.name = "device_id",
          .description =
              "The device that says this: client_ids are its own. The message itself may "
              "say the same, but no other."};
}

void add_collection(std::vector<Route>& routes, CollectionTable table) {
  const auto& schema = table.schema;
  const auto item = table.path + "/{" + table.parameter + "}";
  const auto add = [&](Method method, const std::string& path, const std::string& verb,
                       std::string summary, Target target) -> Route& {
    routes.push_back({.method = method,
                      .path = path,
                      .operation = verb + schema,
                      .tag = table.tag,
                      .summary = std::move(summary),
                      .permission = method == Method::get ? table.read : table.write,
                      .target = std::move(target),
                      .response_schema = schema,
                      .validator = table.validator});
    return routes.back();
  };
  const auto takes_body = [&](Route& route, const char* variant, const std::string& example) {
    route.request_schema = schema + variant;
    route.body = BodyUse::required;
    route.example = example;
  };
  const auto thing = words_of(schema);
  const auto one = with_article(thing);
  auto& list = add(Method::get, table.path, "list", "List " + thing + "s", std::move(table.list));
  list.operation += 's';
  list.response_schema += "List";
  list.validator = Validator::seq;
  list.query = page_parameters();
  if (table.restore) list.query.push_back(deleted_parameter());
  if (std::holds_alternative<ObjectList>(list.target)) {
    std::ranges::move(whose_parameters(), std::back_inserter(list.query));
  }
  list.query.insert(list.query.end(), table.filters.begin(), table.filters.end());
  auto& create = add(Method::post, table.path, "create", "Create " + one, std::move(table.create));
  takes_body(create, "Create", table.examples.create);
  create.status = 201;
  add(Method::get, item, "get", "Read " + one, std::move(table.get));
  if (table.update) {
    const auto& example = table.examples.change;
    const auto rule = one + "; absent keeps, null clears";
    takes_body(add(Method::put, item, "put", "Update " + rule, *table.update), "Patch", example);
    takes_body(add(Method::patch, item, "patch", "Change members of " + rule, *table.update),
               "Patch", example);
  }
  if (table.remove) {
    auto& remove = add(Method::del, item, "delete", "Delete " + one, std::move(*table.remove));
    remove.status = 204;
    remove.response_schema.clear();
  }
  if (table.restore) {
    add(Method::post, item + "/restore", "restore", "Bring back " + one + " that was deleted",
        std::move(*table.restore));
  }
}

namespace {

/// What a PUT makes of what it sends back as it was read.
constexpr const char* dead_links =
    "A reference to something deleted reads as null. Sent back so it stays, and the link comes "
    "back with what it names; PATCH with null clears it.";

// `/life-areas` → `life-areas`.
std::string resource_of(const actors::Noun& noun) { return noun.path.substr(1); }

/// What a list of objects, or of items in one, takes beside its page.
std::vector<Parameter> filters_of(const ListRules& lists, const std::string& schema) {
  auto parameters = list_parameters(lists, schema);
  parameters.push_back(count_parameter());
  return parameters;
}

void add_items(std::vector<Route>& routes, const actors::Noun& noun,
               const actors::NounItems& items) {
  const auto schema = actors::schema_name(items.one);
  const auto path = noun.path + "/{id}/" + items.many;
  const auto parameter = items.one + "_id";
  const auto call = [&](const char* verb, PayloadFrom payload, Render render = Render::item) {
    return command(noun.kind, verb + items.one, payload, render);
  };
  const Permission write{resource_of(noun), Access::write};
  add_collection(routes, {.path = path,
                          .parameter = parameter,
                          .schema = schema,
                          .tag = noun.tag,
                          .read = {resource_of(noun), Access::read},
                          .write = write,
                          .filters = filters_of(items.lists, schema),
                          .list = list_of_items(noun.kind, items.many),
                          .create = call("create_", PayloadFrom::body),
                          .get = ObjectCall{.kind = noun.kind,
                                            .name = "get_" + items.one,
                                            .payload = PayloadFrom::item},
                          .update = call("update_", PayloadFrom::changes),
                          .remove = call("remove_", PayloadFrom::item, Render::nothing),
                          .restore = call("restore_", PayloadFrom::item),
                          .examples = items.examples,
                          .validator = Validator::item});
  offer_live(route_named(routes, "list" + schema + 's'));
  if (!items.references.empty()) route_named(routes, "put" + schema).description = dead_links;
  routes.push_back({.method = Method::post,
                    .path = path + "/{" + parameter + "}/move",
                    .operation = "move" + schema,
                    .tag = noun.tag,
                    .summary = "Move " + with_article(words_of(schema)),
                    .permission = write,
                    .target = call("move_", PayloadFrom::item),
                    .request_schema = schema + "Move",
                    .response_schema = schema,
                    .body = BodyUse::required,
                    .validator = Validator::item,
                    .example = items.examples.move});
}

void add_action(std::vector<Route>& routes, const actors::Noun& noun,
                const actors::NounAction& action) {
  routes.push_back({.method = Method::put,
                    .path = noun.path + "/{id}/" + action.path,
                    .operation = "put" + action.schema,
                    .tag = noun.tag,
                    .summary = action.summary,
                    .permission = {resource_of(noun), Access::write},
                    .target = command(noun.kind, "update", PayloadFrom::body, Render::resource),
                    .request_schema = action.schema,
                    .response_schema = noun.schema(),
                    .body = BodyUse::required,
                    .example = action.example});
}

}  // namespace

void add_noun_routes(std::vector<Route>& routes, const actors::Noun& noun) {
  const auto& kind = noun.kind;
  const auto call = [&](std::string_view name, PayloadFrom payload, Render render) {
    return command(kind, name, payload, render);
  };
  const bool is_across = noun.lists.across == ListRules::Across::everybody;
  add_collection(
      routes,
      {.path = noun.path,
       .parameter = "id",
       .schema = noun.schema(),
       .tag = noun.tag,
       .read = {resource_of(noun), Access::read},
       .write = {resource_of(noun), Access::write},
       .filters = filters_of(noun.lists, noun.schema()),
       .list = ObjectList{kind, noun.schema(), is_across ? ListScope::all : ListScope::owner},
       .create = command(kind, "create", PayloadFrom::body, Render::resource, IdFrom::fresh),
       .get = ObjectCall{.kind = kind, .name = "get", .render = Render::resource},
       .update = call("update", PayloadFrom::body, Render::resource),
       .remove = call(builtin::remove, PayloadFrom::nothing, Render::nothing),
       .restore = call(builtin::undelete, PayloadFrom::nothing, Render::resource),
       .examples = noun.examples});
  offer_live(route_named(routes, "list" + noun.schema() + 's'));
  if (!noun.references.empty()) route_named(routes, "put" + noun.schema()).description = dead_links;
  for (const auto& action : noun.actions) add_action(routes, noun, action);
  for (const auto& items : noun.items) add_items(routes, noun, items);
}

}  // namespace perdure::api
