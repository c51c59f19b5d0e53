// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"

#include <algorithm>

#include "errors.hpp"

namespace perdure::actors {

namespace {

constexpr const char* alias_of = "x-alias-of";

const Json& json_of(const std::string& name) {
  const Json* found = schema_json(name);
  PERDURE_CHECK(found != nullptr, name + " is not a schema");
  return *found;
}

/// `<noun>Create` without the members in `without`, other names, and those that the server sets.
Json schema_of_fields(const std::string& noun, const std::vector<std::string>& without) {
  Json schema = json_of(noun + "Create");
  Json& properties = schema["properties"];
  for (auto at = properties.begin(); at != properties.end();) {
    const bool is_left_out = std::ranges::count(without, at.key()) > 0;
    const bool is_set_by_server = at->is_object() && at->value("readOnly", false);
    const bool is_alias = at->is_object() && at->contains(alias_of);
    at = is_left_out || is_set_by_server || is_alias ? properties.erase(at) : std::next(at);
  }
  if (!without.empty()) {
    // Rules on what goes together name members that are not here.
    for (const char* keyword :
         {"anyOf", "oneOf", "allOf", "dependentRequired", "dependentSchemas"}) {
      schema.erase(keyword);
    }
  }
  if (schema.contains("required")) {
    Json kept = Json::array();
    for (const Json& name : schema["required"]) {
      if (properties.contains(name.get_ref<const std::string&>())) kept.push_back(name);
    }
    schema["required"] = std::move(kept);
  }
  return schema;
}

/// Puts what was sent under another name where it belongs.
void resolve(const Aliases& aliases, Json& sent, std::vector<FieldError>& wrong) {
  for (const auto& [name, field] : aliases) {
    const auto found = sent.find(name);
    if (found == sent.end()) continue;
    const auto own = sent.find(field);
    if (own != sent.end() && *own != *found) {
      wrong.push_back({pointer_to(name), "contradiction", "is another name of " + field});
    }
    Json value = std::move(*found);
    sent.erase(name);
    sent[field] = std::move(value);
  }
}

}  // namespace

Aliases aliases_of(const std::string& noun) {
  Aliases aliases;
  const Json* schema = schema_json(noun);
  if (schema == nullptr || !schema->contains("properties")) return aliases;
  for (const auto& [name, member] : schema->at("properties").items()) {
    if (!member.is_object() || !member.contains(alias_of)) continue;
    aliases.emplace_back(name, member.at(alias_of));
  }
  return aliases;
}

Fields Fields::of(const std::string& noun, const std::vector<std::string>& without) {
  const Json json = schema_of_fields(noun, without);
  auto whole = Schema::compile(json, [](std::string_view name) { return schema_json(name); });
  PERDURE_CHECK(whole.has_value(), noun + "Create without some members does not compile");
  // What is never changed has no schema of changes.
  const Schema* patch = find_schema(noun + "Patch");
  if (patch == nullptr) patch = find_schema(noun + "Create");

  Json defaults = Json::object();
  whole->fill_defaults(defaults);
  for (const auto& [name, member] : json["properties"].items()) {
    if (!defaults.contains(name)) defaults[name] = nullptr;
  }
  return Fields{*patch, std::move(whole).value(), std::move(defaults), aliases_of(noun)};
}

std::vector<FieldError> Fields::check(const Json& body) const {
  Json fields = Json::object();
  for (const auto& [name, start] : defaults_.items()) {
    const auto found = body.find(name);
    if (found != body.end() && !found->is_null()) fields[name] = *found;
  }
  return whole_.validate(fields);
}

Result<Json> Fields::first(Json sent) const {
  return apply(defaults_, std::move(sent), Apply::assign);
}

Result<Json> Fields::changed(const Json& before, Json changes) const {
  return apply(before, std::move(changes), Apply::merge);
}

Result<Json> Fields::apply(Json next, Json sent, Apply how) const {
  PERDURE_TRY_VOID(require_object(sent));
  patch_.prepare(sent);
  auto wrong = patch_.validate(sent);
  resolve(aliases_, sent, wrong);
  for (const auto& [name, start] : defaults_.items()) {
    if (!next.contains(name)) next[name] = start;  // a state from outside may lack what is optional
  }
  for (const auto& [name, value] : sent.items()) {
    if (!defaults_.contains(name)) {
      // Known to the schema, so not reported by it, but not to be set this way.
      if (wrong.empty())
        wrong.push_back({pointer_to(name), "unknown_member", "cannot be set here"});
      continue;
    }
    Json& member = next[name];
    if (how == Apply::merge) {
      merge_patch(member, value);
    } else {
      member = value;
    }
    if (member.is_null()) member = defaults_.at(name);
  }
  if (wrong.empty()) wrong = check(next);
  if (!wrong.empty()) return fail(invalid_value(std::move(wrong)));
  return next;
}

Schema schema_of_member(const std::string& name, const std::string& member) {
  auto schema = Schema::compile(json_of(name).at("properties").at(member),
                                [](std::string_view other) { return schema_json(other); });
  PERDURE_CHECK(schema.has_value(), name + '.' + member + " does not compile by itself");
  return std::move(schema).value();
}

}  // namespace perdure::actors
