// SPDX-License-Identifier: Apache-2.0
// The usual routes of a noun and of the items that it holds, from its declaration.
//
// A noun `notebook` at `/notebooks` gets GET and POST there, GET, PUT, PATCH and DELETE at
// `/notebooks/{id}`, and POST `/notebooks/{id}/restore`. They call the commands that all resources
// have (perdure/actors/resource.hpp, items.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/route.hpp"
#include "perdure/actors/noun.hpp"

namespace perdure::api {

using Examples = actors::NounExamples;

/// Things at one path that are listed, created and read, and (where there is a target for it)
/// changed, deleted and brought back.
struct CollectionTable {
  std::string path;       ///< `/notebooks`
  std::string parameter;  ///< of the path of one of them: `id`
  std::string schema;
  std::string tag;
  Permission read;
  Permission write;
  std::vector<Parameter> filters = {};  ///< and `sort`
  Target list;
  Target create;
  Target get;
  std::optional<Target> update = {};
  std::optional<Target> remove = {};
  std::optional<Target> restore = {};  ///< then lists have `deleted`
  Examples examples;
  Validator validator = Validator::seq;
};

void add_collection(std::vector<Route>& routes, CollectionTable table);
void add_noun_routes(std::vector<Route>& routes, const actors::Noun& noun);

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
[[nodiscard]] Parameter count_parameter();
/// Of messages: whose client_ids they have.
[[nodiscard]] Parameter device_parameter();

}  // namespace perdure::api
