// SPDX-License-Identifier: Apache-2.0
#include "nouns/nouns.hpp"

#include <algorithm>

#include "perdure/base/check.hpp"
#include "perdure/schemas/registry.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

namespace {

std::string default_path(std::string_view kind) {
  std::string path = "/" + std::string{kind} + "s";
  std::ranges::replace(path, '_', '-');
  return path;
}

// `/life-areas` → `Life areas`.
std::string default_tag(std::string_view path) {
  std::string tag{path.substr(1)};
  std::ranges::replace(tag, '-', ' ');
  tag.front() = static_cast<char>(tag.front() - 'a' + 'A');
  return tag;
}

const Json& member_of(const std::string& schema, const std::string& field) {
  const auto* member = find_member(schema, field);
  PERDURE_CHECK(member != nullptr, "lists of " + schema + " name the field " + field +
                                       ", which its schema does not have");
  return *member;
}

// The values of an enumeration in their order, without null.
std::vector<std::string> values_of(const Json& member) {
  std::vector<std::string> values;
  for (const auto& value : member.value("enum", Json::array())) {
    if (value.is_string()) values.push_back(value);
  }
  return values;
}

void complete(ListRules& lists, const std::string& schema) {
  for (auto& filter : lists.filters) {
    if (filter.field.empty()) filter.field = filter.name;
    if (filter.field.starts_with('$')) continue;
    const auto& member = member_of(schema, filter.field);
    if (filter.values.empty()) filter.values = values_of(member);
  }
  for (auto& sort : lists.sorts) {
    if (sort.name.empty()) {
      sort.name = sort.field.starts_with('$') ? sort.field.substr(1) : sort.field;
    }
    if (!sort.field.starts_with('$')) sort.order = values_of(member_of(schema, sort.field));
  }
  if (!lists.default_sort.empty() || lists.sorts.empty()) return;
  // The newest first, where there is such an order; else the order of the noun.
  for (const auto* name : {"created_at", "updated_at"}) {
    if (std::ranges::find(lists.sorts, name, &ListSort::name) == lists.sorts.end()) continue;
    lists.default_sort = std::string{"-"} + name;
    return;
  }
  lists.default_sort = lists.sorts.front().name;
}

Noun complete(Noun noun) {
  if (noun.path.empty()) noun.path = default_path(noun.kind);
  if (noun.tag.empty()) noun.tag = default_tag(noun.path);
  if (noun.lists.sorts.empty()) noun.lists.sorts = {{.field = "$created_at"}};
  complete(noun.lists, noun.schema());
  for (const auto& reference : noun.references) member_of(noun.schema(), reference.field);
  for (auto& items : noun.items) complete(items.lists, schema_name(items.one));
  return noun;
}

}  // namespace

std::string schema_name(std::string_view kind) {
  std::string name;
  bool is_upper = true;
  for (const char c : kind) {
    if (c != '_') name += is_upper ? static_cast<char>(c - 'a' + 'A') : c;
    is_upper = c == '_';
  }
  return name;
}

const Json* find_member(const std::string& schema, const std::string& member) {
  const auto* json = schema_json(schema);
  if (json == nullptr) return nullptr;
  const auto& properties = json->at("properties");
  const auto found = properties.find(member);
  return found == properties.end() ? nullptr : &*found;
}

std::string Noun::schema() const { return schema_name(kind); }

const std::vector<Noun>& nouns() {
  static const std::vector<Noun> all = [] {
    std::vector<Noun> made;
#define PERDURE_NOUN(name) made.push_back(complete(name##_noun()));
#include "nouns/nouns.def"
#undef PERDURE_NOUN
    return made;
  }();
  return all;
}

const Noun* find_noun(std::string_view kind) {
  const auto found = std::ranges::find(nouns(), kind, &Noun::kind);
  return found == nouns().end() ? nullptr : &*found;
}

std::vector<Kind> domain_kinds(const DomainOptions& options) {
  std::vector<Kind> kinds;
  for (const auto& noun : nouns()) {
    if (noun.made_by == Noun::MadeBy::host) continue;
    kinds.push_back(noun.make ? noun.make(noun, options) : Kind{resource_kind(noun)});
  }
  return kinds;
}

}  // namespace perdure::actors
