// SPDX-License-Identifier: Apache-2.0
#include "resource_kind.hpp"

#include <algorithm>
#include <map>

#include "errors.hpp"
#include "perdure/actors/sent_back.hpp"

namespace perdure::actors {

namespace {

Result<Json> without_members(const Json& payload, const std::vector<std::string>& members) {
  PERDURE_TRY_VOID(require_object(payload));
  Json rest = payload;
  for (const auto& member : members) rest.erase(member);
  rest.erase(std::string{sent_back_member});
  return rest;
}

Result<Json> create(const ResourceRules& rules, Turn& turn, ResourceState& self,
                    const Json& payload) {
  PERDURE_TRY(sent, without_members(payload, rules.create_only));
  PERDURE_TRY(next, rules.fields.first(std::move(sent)));
  PERDURE_TRY(own_id, chosen_id(payload));
  if (own_id && turn.meta().seq > 0) return fail(id_is_taken(*own_id));
  next.update(rules.server_set);
  next[std::string{internal_member}] = rules.internal;
  if (rules.settle) PERDURE_TRY_VOID(rules.settle(turn, Json::object(), next, payload));
  PERDURE_TRY_VOID(check_sent_back(turn.meta(), next, payload, SentIn::create));
  self.json = std::move(next);
  return public_state(self.json);
}

/// Takes the nulls out of changes that stand for ids of what is gone (dead_member).
Json without_dead(const Json& before, Json changes) {
  const auto dead = changes.is_object() ? changes.find(dead_member) : changes.end();
  if (dead == changes.end()) return changes;
  const Json ids = std::move(*dead);
  changes.erase(dead);
  for (const auto& [field, id] : ids.items()) {
    const auto sent = changes.find(field);
    const bool is_same = before.value(field, Json()) == id;
    if (sent != changes.end() && sent->is_null() && is_same) changes.erase(sent);
  }
  return changes;
}

Result<Json> update(const ResourceRules& rules, Turn& turn, ResourceState& self,
                    const Json& asked) {
  const auto payload = gather_sent_back(without_dead(self.json, asked), rules.fields.defaults());
  PERDURE_TRY(sent, without_members(payload, rules.update_only));
  PERDURE_TRY_VOID(check_sent_back(turn.meta(), self.json, payload, SentIn::change));
  PERDURE_TRY(next, rules.fields.changed(self.json, std::move(sent)));
  if (rules.settle) PERDURE_TRY_VOID(rules.settle(turn, self.json, next, payload));
  // What stays as it is has no new version, and nobody hears of it.
  if (next == self.json) turn.change_nothing();
  self.json = std::move(next);
  return public_state(self.json);
}

/// Whether a member from outside can be taken for `start`: handlers read it without asking again.
bool has_type_of(const Json& value, const Json& start) {
  if (start.is_null()) return !value.is_structured();
  return (start.is_number_integer() && whole_number(value)) || value.type() == start.type();
}

/// A state that comes from outside (an import, an operator's patch): exactly the members that the
/// kind's own commands would have made.
std::vector<FieldError> check_state(const ResourceRules& rules, const Json& state) {
  if (!state.is_object()) return {{"", "type", "must be an object"}};
  auto wrong = rules.fields.check(state);
  Json expected = rules.server_set;
  expected[std::string{internal_member}] = rules.internal;
  for (const auto& [name, start] : expected.items()) {
    const auto found = state.find(name);
    if (found == state.end()) {
      wrong.push_back({pointer_to(name), "required", "is required"});
    } else if (!has_type_of(*found, start) &&
               std::ranges::find(rules.free_form, name) == rules.free_form.end()) {
      wrong.push_back({pointer_to(name), "type", "has the wrong type"});
    }
  }
  const auto inside = state.find(internal_member);
  if (inside != state.end() && inside->is_object()) {
    for (const auto& [name, start] : rules.internal.items()) {
      const auto found = inside->find(name);
      if (found == inside->end() || !has_type_of(*found, start)) {
        wrong.push_back({"/internal/" + name, "type", "is missing or has the wrong type"});
      }
    }
  }
  for (const auto& [name, value] : state.items()) {
    if (expected.contains(name)) continue;
    if (!rules.fields.defaults().contains(name)) {
      wrong.push_back({pointer_to(name), "unknown_member", "is not a known member"});
    }
  }
  if (wrong.empty() && rules.check) return rules.check(state);
  return wrong;
}

}  // namespace

KindBuilder<ResourceState> resource_kind(ResourceRules rules) {
  // Shared by the handlers, which outlive this call: immutable.
  const auto shared = std::make_shared<const ResourceRules>(std::move(rules));
  KindBuilder<ResourceState> builder = kind<ResourceState>(shared->kind);
  std::move(builder)
      .command(std::string{command::create},
               [shared](Turn& turn, ResourceState& self, const Json& payload) {
                 return create(*shared, turn, self, payload);
               },
               {.creates = Creates::yes})
      .command(std::string{command::update},
               [shared](Turn& turn, ResourceState& self, const Json& payload) {
                 return update(*shared, turn, self, payload);
               })
      .query(std::string{query::get},
             [](const ResourceState& self) { return public_state(self.json); })
      .check_state([shared](const Json& state) { return check_state(*shared, state); });
  return builder;
}

ResourceRules rules_of(const Noun& noun) {
  ResourceRules rules{
      .kind = noun.kind, .fields = Fields::of(noun.schema()), .server_set = noun.server_set};
  if (noun.settle) {
    rules.settle = [settle = noun.settle](Turn& turn, const Json& before, Json& next, const Json&) {
      return settle(turn, before, next);
    };
  }
  return rules;
}

KindBuilder<ResourceState> resource_kind(const Noun& noun, ResourceRules rules,
                                         std::vector<std::string> silent) {
  auto builder = resource_kind(std::move(rules));
  silent.emplace_back(internal_member);
  std::move(builder).lists(noun.lists).publish_changes({.silent = std::move(silent)});
  for (const auto& reference : noun.references) std::move(builder).reference(reference);
  if (noun.settle) {
    std::move(builder).on_settle([settle = noun.settle](Turn& turn, ResourceState& self,
                                                        const ResourceState* before) {
      Json next = self.json;
      const auto settled = settle(turn, before == nullptr ? Json::object() : before->json, next);
      if (settled) self.json = std::move(next);
    });
  }
  return builder;
}

Json public_state(Json state) {
  state.erase(std::string{internal_member});
  return state;
}

namespace {

/// Of the resource that a kind's objects are; none for other kinds.
const Aliases& aliases_of_kind(const std::string& kind) {
  static const auto all = [] {
    std::map<std::string, Aliases> found;
    for (const auto& noun : nouns()) {
      if (auto aliases = aliases_of(noun.schema()); !aliases.empty()) {
        found.emplace(noun.kind, std::move(aliases));
      }
    }
    return found;
  }();
  static const Aliases none;
  const auto found = all.find(kind);
  return found == all.end() ? none : found->second;
}

}  // namespace

Json resource_body(const ObjectMeta& meta, Json state) {
  Json body = public_state(std::move(state));
  for (const auto& [name, field] : aliases_of_kind(meta.object().kind)) {
    if (const auto found = body.find(field); found != body.end()) body[name] = Json(*found);
  }
  const Origin& origin = *meta.origin;
  body["id"] = origin.object.id;
  body["user_id"] = origin.owner.text().empty() ? Json(nullptr) : Json(origin.owner.text());
  body["organization_id"] = nullptr;
  body["created_at"] = format_rfc3339(origin.created_at);
  body["updated_at"] = format_rfc3339(meta.updated_at);
  body["created_by"] = origin.created_by;
  body["updated_by"] = meta.updated_by;
  return body;
}

}  // namespace perdure::actors
