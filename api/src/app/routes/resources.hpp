// SPDX-License-Identifier: Apache-2.0
// Resource tables: the usual routes of a resource, or of the items that it holds, in one entry.
//
// A resource `Notebook` at `/notebooks` gets GET and POST there, GET, PUT, PATCH and DELETE at
// `/notebooks/{id}`, and POST `/notebooks/{id}/restore`. They call the commands that all resources
// have (perdure/actors/resource.hpp, items.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/route.hpp"

namespace perdure::api {

/// Bodies that the documentation shows, as JSON.
struct Examples {
  std::string create;
  std::string change = {};
  std::string move = {};
};

struct ResourceTable {
  std::string path;      ///< `/notebooks`
  std::string kind;      ///< `notebook`
  std::string schema;    ///< `Notebook`; also in operation ids
  std::string tag;       ///< in the API pages
  std::string resource;  ///< in scopes: `notebooks`
  Audience audience = Audience::user;
  ListScope scope = ListScope::owner;
  std::vector<IndexChoice> lists;
  std::string default_sort;
  std::vector<Parameter> filters = {};
  Examples examples;
};

/// Items that one object holds in its entries.
struct ItemTable {
  std::string path;       ///< `/notebooks/{id}/pages`
  std::string parameter;  ///< `page_id`
  std::string kind;       ///< of the object that holds them
  std::string item;       ///< in the command names: `page`
  std::string items;      ///< in the query name: `pages`
  std::string schema;     ///< `Page`
  std::string tag;
  std::string resource;
  std::vector<std::string> sorts;  ///< the first one is the default
  std::vector<Parameter> filters = {};
  Examples examples;
};

/// Things at one path that are listed, created and read, and (where there is a target for it)
/// changed, deleted and brought back. The two tables above are made of it.
struct CollectionTable {
  std::string path;       ///< `/notebooks`
  std::string parameter;  ///< of the path of one of them: `id`
  std::string schema;
  std::string tag;
  Permission read;
  Permission write;
  std::vector<std::string> sorts;
  std::vector<Parameter> filters = {};
  Target list;
  Target create;
  Target get;
  std::optional<Target> update = {};
  std::optional<Target> remove = {};
  std::optional<Target> restore = {};  ///< then lists have `deleted`
  Examples examples;
};

void add_collection(std::vector<Route>& routes, CollectionTable table);
void add_resource(std::vector<Route>& routes, const ResourceTable& table);
void add_items(std::vector<Route>& routes, const ItemTable& table);

/// The route of this operation id, to be given another target; none is a bug.
[[nodiscard]] Route& route_named(std::vector<Route>& routes, std::string_view operation);
void remove_route(std::vector<Route>& routes, std::string_view operation);

/// The query `list_<items>` of a kind.
[[nodiscard]] ObjectCall list_of_items(std::string kind, const std::string& items);
/// `limit` and `cursor`.
[[nodiscard]] std::vector<Parameter> page_parameters();
/// `sort` over these fields, in both directions.
[[nodiscard]] Parameter sort_parameter(const std::vector<std::string>& fields);
[[nodiscard]] Parameter deleted_parameter();
/// Of messages: whose client_ids they have.
[[nodiscard]] Parameter device_parameter();

}  // namespace perdure::api
