// SPDX-License-Identifier: Apache-2.0
// resource_kind: a kind whose objects are resources (perdure/actors/resource.hpp), as its noun
// declares it.
#pragma once

#include <functional>
#include <string>

#include "fields.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::actors {

/// The state of every resource: one JSON object.
struct ResourceState {
  Json json = Json::object();

  [[nodiscard]] Json& internal() { return json[std::string{internal_member}]; }
  [[nodiscard]] const Json& internal() const { return json.at(std::string{internal_member}); }
};
inline void to_json(Json& json, const ResourceState& state) { json = state.json; }
inline void from_json(const Json& json, ResourceState& state) { state.json = json; }

struct ResourceRules {
  std::string kind;
  Fields fields;
  /// Members that the server sets and clients see, with their first values.
  Json server_set = Json::object();
  /// Of those, the ones that may hold any JSON.
  std::vector<std::string> free_form = {};
  /// The first value of the member `internal`.
  Json internal = Json::object();
  /// Members of a create's payload that are not fields; `settle` puts them where they belong.
  std::vector<std::string> create_only = {};
  std::vector<std::string> update_only = {};  ///< the same of an update
  /// Called by create and update when the fields are valid; `before` is empty for a create.
  /// Settles what depends on them: derived members, claims, rules between fields.
  std::function<Result<void>(Turn&, const Json& before, Json& next, const Json& payload)> settle =
      {};
  /// What of that a state from outside must keep, too; called when its members have their types.
  JsonCheck check = {};
};

/// What all resources have: create, update, get, and the check of states from outside. The kind
/// adds its own.
[[nodiscard]] KindBuilder<ResourceState> resource_kind(ResourceRules rules);

/// The rules that follow from a noun, for a kind that has more.
[[nodiscard]] ResourceRules rules_of(const Noun& noun);
/// The same with the noun's lists, references and change events. A change of the members in
/// `silent` alone is no event.
[[nodiscard]] KindBuilder<ResourceState> resource_kind(const Noun& noun, ResourceRules rules,
                                                       std::vector<std::string> silent = {});
[[nodiscard]] inline KindBuilder<ResourceState> resource_kind(const Noun& noun) {
  return resource_kind(noun, rules_of(noun));
}

/// The state without `internal`.
[[nodiscard]] Json public_state(Json state);

}  // namespace perdure::actors
