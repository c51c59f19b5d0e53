// SPDX-License-Identifier: Apache-2.0
#include "derive.hpp"

#include <algorithm>
#include <array>

namespace perdure {

namespace {

struct VariantRow {
  Variant variant;
  std::string_view name;    // in `x-variants` and `x-in`
  std::string_view suffix;  // of the schema's name
};

constexpr std::array<VariantRow, 5> rows{{
    {Variant::full, "full", ""},
    {Variant::created, "created", "Created"},
    {Variant::create, "create", "Create"},
    {Variant::patch, "patch", "Patch"},
    {Variant::self_patch, "self", "SelfPatch"},
}};

const VariantRow& row_of(Variant variant) {
  return *std::ranges::find(rows, variant, &VariantRow::variant);
}

bool flag(const Json& schema, const char* keyword) {
  return schema.is_object() && schema.value(keyword, false);
}

bool contains(const Json& list, std::string_view name) {
  return std::ranges::any_of(
      list, [&](const Json& item) { return item.get_ref<const std::string&>() == name; });
}

bool is_reply(Variant variant) { return variant == Variant::full || variant == Variant::created; }

bool is_patch(Variant variant) {
  return variant == Variant::patch || variant == Variant::self_patch;
}

bool has_member(Variant variant, const Json& member) {
  if (member.contains("x-in")) return contains(member["x-in"], row_of(variant).name);
  return !(is_reply(variant) && flag(member, "writeOnly"));
}

/// The same member, which may also be null. What it says of strings, numbers … does not hold null
/// back; an `enum` or a reference does, and gets null as an alternative.
Json nullable(Json member) {
  if (!member.is_object()) return member;
  member.erase("default");
  if (member.contains("$ref") || member.contains("const")) {
    return {{"anyOf", Json::array({std::move(member), {{"type", "null"}}})}};
  }
  if (member.contains("enum") && !std::ranges::count(member["enum"], Json(nullptr))) {
    member["enum"].push_back(nullptr);
  }
  if (member.contains("type")) {
    Json types = member["type"];
    if (types.is_string()) types = Json::array({types});
    if (!contains(types, "null")) types.push_back("null");
    member["type"] = std::move(types);
  }
  return member;
}

Json title_of(const Json& resource, Variant variant) {
  return resource.at("title").get<std::string>() + std::string{row_of(variant).suffix};
}

}  // namespace

Json derive(const Json& resource, const Json& common, Variant variant) {
  Json properties = common.value("properties", Json::object());
  properties.update(resource.at("properties"));
  Json required = common.value("required", Json::array());
  for (const Json& name : resource.value("required", Json::array())) required.push_back(name);

  Json derived{{"title", title_of(resource, variant)},
               {"type", "object"},
               {"properties", Json::object()},
               {"required", Json::array()},
               {"additionalProperties", false}};
  for (const auto& [name, member] : properties.items()) {
    if (!has_member(variant, member)) continue;
    const bool is_required = contains(required, name);
    const bool is_set_by_others = variant == Variant::self_patch && flag(member, "x-admin");
    const bool is_set_by_server = is_set_by_others || flag(member, "readOnly");
    const bool may_be_cleared = is_patch(variant) && !is_required && !is_set_by_server;
    Json own = may_be_cleared ? nullable(member) : member;
    if (own.is_object()) {
      own.erase("x-in");
      own.erase("x-admin");
      if (is_set_by_others) own["readOnly"] = true;
      // A patch that leaves a member out must not set it.
      if (is_patch(variant)) own.erase("default");
    }
    derived["properties"][name] = std::move(own);
    const bool is_demanded = is_reply(variant) || (variant == Variant::create && !is_set_by_server);
    if (is_required && is_demanded) derived["required"].push_back(name);
  }
  for (const char* keyword : {"description", "additionalProperties", "x-max-bytes"}) {
    if (resource.contains(keyword)) derived[keyword] = resource[keyword];
  }
  // What goes together is a rule for creates: a patch may hold any part.
  for (const char* keyword : {"anyOf", "oneOf", "dependentRequired", "dependentSchemas"}) {
    if (variant == Variant::create && resource.contains(keyword)) {
      derived[keyword] = resource[keyword];
    }
  }
  if (derived["required"].empty()) derived.erase("required");
  return derived;
}

Json derive_list(std::string_view name) {
  return {{"title", std::string{name} + "List"},
          {"type", "object"},
          {"properties",
           {{"items", {{"type", "array"}, {"items", {{"$ref", std::string{name}}}}}},
            {"next_cursor",
             {{"type", Json::array({"string", "null"})},
              {"description", "For the next page as `cursor`; null on the last one."}}},
            {"total",
             {{"type", Json::array({"integer", "null"})},
              {"description",
               "With `count=true`: how many there are on all pages; null where only "
               "`total_at_least` is known."}}},
            {"total_at_least", {{"type", "integer"}}},
            {"unreadable",
             {{"type", "array"},
              {"items", {{"type", "string"}}},
              {"description",
               "There only when something is damaged: the objects of this page that cannot be "
               "read, as `kind:id`."}}}}},
          {"required", Json::array({"items", "next_cursor"})},
          {"additionalProperties", false}};
}

Json derive_part(const Json& resource, const std::string& name, const Json& members) {
  Json part{{"title", name},
            {"type", "object"},
            {"properties", Json::object()},
            {"required", members},
            {"additionalProperties", false}};
  for (const auto& member : members) {
    const auto& text = member.get_ref<const std::string&>();
    part["properties"][text] = resource.at("properties").at(text);
    part["properties"][text].erase("default");
  }
  return part;
}

std::vector<NamedSchema> derive_all(const Json& resource, const Json& common) {
  std::vector<NamedSchema> derived;
  const auto name = resource.at("title").get<std::string>();
  const Json& variants = resource.at("x-variants");
  for (const auto& row : rows) {
    if (row.variant != Variant::full && !contains(variants, row.name)) continue;
    derived.emplace_back(name + std::string{row.suffix}, derive(resource, common, row.variant));
  }
  if (contains(variants, "list")) derived.emplace_back(name + "List", derive_list(name));
  if (const auto parts = resource.find("x-parts"); parts != resource.end()) {
    for (const auto& [part, members] : parts->items()) {
      derived.emplace_back(part, derive_part(resource, part, members));
    }
  }
  return derived;
}

}  // namespace perdure
