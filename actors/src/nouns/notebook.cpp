// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/notebook.hpp"

#include "errors.hpp"
#include "item_commands.hpp"
#include "nouns/nouns.hpp"
#include "revisions.hpp"

namespace perdure::actors {

namespace {

bool is_section(const EntryReader& entries, const std::string& id) {
  return find_live_item(entries, "sections", id).has_value();
}

ItemRules section_rules(const NounItems& sections) {
  return {.items = sections,
          .parent_member = "notebook_id",
          .fields = Fields::of("Section"),
          .count_max = notebook::sections_max};
}

Result<void> settle_page(Turn& turn, const std::optional<Json>& before, Json& next) {
  const Json& section = next.at("section_id");
  const bool is_new = !before || before->at("section_id") != section;
  if (is_new && !section.is_null() && !is_section(turn.entries(), section.get<std::string>())) {
    return fail(
        invalid_field("/section_id", "unknown_reference", "names no section of this notebook"));
  }
  keep_revision(turn, before, next);
  return {};
}

/// A deleted section is no section, though its pages still hold its id.
void resolve_section(const EntryReader& entries, Json& page) {
  Json& section = page.at("section_id");
  if (!section.is_null() && !is_section(entries, section.get<std::string>())) section = nullptr;
}

/// Nothing is in a deleted section.
void leave_out_deleted_sections(const EntryReader& entries, std::vector<ListCondition>& where) {
  for (auto& condition : where) {
    if (condition.name != "section_id") continue;
    std::erase_if(condition.values, [&](const Json& id) {
      return id.is_string() && !is_section(entries, id.get<std::string>());
    });
  }
}

ItemRules page_rules(const NounItems& pages) {
  return {.items = pages,
          .parent_member = "notebook_id",
          .fields = Fields::of("Page"),
          .references = {"section_id"},
          .count_max = notebook::pages_max,
          .settle = settle_page,
          .present = resolve_section,
          .narrow = leave_out_deleted_sections,
          .purged = erase_revisions};
}

Result<Json> revisions(const View& view, const Json& payload) {
  PERDURE_TRY(id, required_text(payload, "id"));
  const auto page = find_live_item(view.entries(), "pages", id);
  if (!page) return fail(no_such_item("page"));
  return list_revisions(view.entries(), *page, payload);
}

Kind make(const Noun& noun) {
  auto rules = rules_of(noun);
  rules.internal = {{"sections", 0},
                    {"pages", 0},
                    {oldest_deleted_member("sections"), nullptr},
                    {oldest_deleted_member("pages"), nullptr}};
  auto builder = resource_kind(noun, std::move(rules));
  add_items(builder, section_rules(noun.items[0]));
  add_items(builder, page_rules(noun.items[1]));
  return std::move(builder).query("list_revisions",
                                  [](const View& view, const ResourceState&, const Json& payload) {
                                    return revisions(view, payload);
                                  });
}

}  // namespace

Noun notebook_noun() {
  return {
      .kind = "notebook",
      .about = "Notebooks with their sections and pages, and the pages' revisions.",
      .lists = {.filters = {{.name = "tag", .field = "tags"}},
                .sorts = {{.field = "$updated_at"}, {.field = "title"}}},
      .examples = {.create = R"({"title":"Travels","tags":["2026"]})",
                   .change = R"({"title":"Voyages","description":null})"},
      .items = {{.one = "section",
                 .many = "sections",
                 .lists = {.sorts = {{.field = "position"}, {.field = "$updated_at"}},
                           .default_sort = "position"},
                 .examples = {.create = R"({"title":"Norway"})",
                              .change = R"({"title":"Norway and Sweden"})",
                              .move = R"({"position":1.5})"}},
                {.one = "page",
                 .many = "pages",
                 .lists = {.filters = {{.name = "section_id"}, {.name = "tag", .field = "tags"}},
                           .sorts = {{.field = "position"}, {.field = "$updated_at"}},
                           .default_sort = "position"},
                 .examples = {.create = R"({"title":"Day one","content":"Rain.","tags":["fjord"]})",
                              .change = R"({"content":"Rain, then sun."})",
                              .move = R"({"section_id":null,"position":1.5})"}}},
      .make = [](const Noun& noun, const DomainOptions&) { return make(noun); }};
}

}  // namespace perdure::actors
