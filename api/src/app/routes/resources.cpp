// SPDX-License-Identifier: Apache-2.0
#include "app/routes/resources.hpp"

#include <algorithm>

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
           .description = "How many items a page has at most; 50 when absent.",
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

Parameter deleted_parameter() {
  return {.name = "deleted",
          .type = ParameterType::boolean,
          .description = "`true`: deleted ones instead, newest deletion first."};
}

void add_resource(std::vector<Route>& routes, const ResourceTable& table) {
  const auto& kind = table.kind;
  const Permission read{table.resource, Access::read, table.audience};
  const Permission write{table.resource, Access::write, table.audience};
  const auto item = table.path + "/{id}";

  auto list_query = page_parameters();
  std::vector<std::string> sorts;
  for (const auto& choice : table.lists) {
    if (choice.filter.empty()) sorts.push_back(choice.sort);
  }
  list_query.push_back(sort_parameter(sorts));
  list_query.push_back(deleted_parameter());
  list_query.insert(list_query.end(), table.filters.begin(), table.filters.end());

  const auto route = [&](Method method, const std::string& path, const std::string& operation,
                         std::string summary, const Permission& permission, Target target) {
    routes.push_back({.method = method,
                      .path = path,
                      .operation = operation,
                      .tag = table.tag,
                      .summary = std::move(summary),
                      .permission = permission,
                      .target = std::move(target),
                      .response_schema = table.schema});
    return std::prev(routes.end());
  };
  auto list = route(Method::get, table.path, "list" + table.schema + "s", "List", read,
                    IndexList{kind, table.scope, table.lists, table.default_sort});
  list->query = std::move(list_query);
  list->response_schema = table.schema + "List";
  auto create = route(Method::post, table.path, "create" + table.schema, "Create", write,
                      command(kind, "create", PayloadFrom::body, Render::resource, IdFrom::fresh));
  create->request_schema = table.schema + "Create";
  create->body = BodyUse::required;
  create->status = 201;
  route(Method::get, item, "get" + table.schema, "Read", read,
        ObjectCall{.kind = kind, .name = "get", .render = Render::resource});
  for (const auto method : {Method::put, Method::patch}) {
    const auto verb = method == Method::put ? "put" : "patch";
    auto update = route(method, item, verb + table.schema, "Change; absent keeps, null clears",
                        write, command(kind, "update", PayloadFrom::body, Render::resource));
    update->request_schema = table.schema + "Patch";
    update->body = BodyUse::required;
  }
  auto remove = route(Method::del, item, "delete" + table.schema, "Delete", write,
                      command(kind, builtin::remove, PayloadFrom::nothing, Render::nothing));
  remove->status = 204;
  remove->response_schema.clear();
  route(Method::post, item + "/restore", "restore" + table.schema, "Bring back what was deleted",
        write, command(kind, builtin::undelete, PayloadFrom::nothing, Render::resource));
}

void add_items(std::vector<Route>& routes, const ItemTable& table) {
  const auto& kind = table.kind;
  const Permission read{table.resource, Access::read};
  const Permission write{table.resource, Access::write};
  const auto item = table.path + "/{" + table.parameter + "}";
  const auto named = [&](const char* verb) { return verb + table.item; };

  const auto route = [&](Method method, const std::string& path, const std::string& operation,
                         std::string summary, const Permission& permission, ObjectCall target) {
    routes.push_back({.method = method,
                      .path = path,
                      .operation = operation,
                      .tag = table.tag,
                      .summary = std::move(summary),
                      .permission = permission,
                      .target = std::move(target),
                      .response_schema = table.schema});
    return std::prev(routes.end());
  };
  auto list = route(Method::get, table.path, "list" + table.schema + "s", "List", read,
                    {.kind = kind,
                     .name = "list_" + table.items,
                     .payload = PayloadFrom::query,
                     .render = Render::list});
  list->query = page_parameters();
  list->query.push_back(sort_parameter(table.sorts));
  list->query.push_back(deleted_parameter());
  list->query.insert(list->query.end(), table.filters.begin(), table.filters.end());
  list->response_schema = table.schema + "List";
  auto create = route(Method::post, table.path, "create" + table.schema, "Create", write,
                      command(kind, named("create_"), PayloadFrom::body, Render::item));
  create->request_schema = table.schema + "Create";
  create->body = BodyUse::required;
  create->status = 201;
  route(Method::get, item, "get" + table.schema, "Read", read,
        {.kind = kind, .name = named("get_"), .payload = PayloadFrom::item});
  for (const auto method : {Method::put, Method::patch}) {
    const auto verb = method == Method::put ? "put" : "patch";
    auto update = route(method, item, verb + table.schema, "Change; absent keeps, null clears",
                        write, command(kind, named("update_"), PayloadFrom::changes, Render::item));
    update->request_schema = table.schema + "Patch";
    update->body = BodyUse::required;
  }
  auto remove = route(Method::del, item, "delete" + table.schema, "Delete", write,
                      command(kind, named("remove_"), PayloadFrom::item, Render::nothing));
  remove->status = 204;
  remove->response_schema.clear();
  route(Method::post, item + "/restore", "restore" + table.schema, "Bring back what was deleted",
        write, command(kind, named("restore_"), PayloadFrom::item, Render::item));
  auto move = route(Method::post, item + "/move", "move" + table.schema, "Move", write,
                    command(kind, named("move_"), PayloadFrom::item, Render::item));
  move->request_schema = table.schema + "Move";
  move->body = BodyUse::required;
}

}  // namespace perdure::api
