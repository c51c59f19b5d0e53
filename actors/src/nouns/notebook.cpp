// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/notebook.hpp"

#include "errors.hpp"
#include "item_commands.hpp"
#include "nouns/nouns.hpp"
#include "revisions.hpp"

namespace perdure::actors {

namespace {

ItemRules section_rules(const NounItems& sections) {
  return {.items = sections,
          .parent_member = "notebook_id",
          .fields = Fields::of("Section"),
          .count_max = notebook::sections_max};
}

ItemRules page_rules(const NounItems& pages) {
  return {.items = pages,
          .parent_member = "notebook_id",
          .fields = Fields::of("Page"),
          .count_max = notebook::pages_max,
          .settle = keep_revision,
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
  const auto settle_sections = add_items(builder, section_rules(noun.items[0]));
  const auto settle_pages = add_items(builder, page_rules(noun.items[1]));
  std::move(builder).on_settle([=](Turn& turn, ResourceState& self, const ResourceState*) {
    settle_sections(turn, self);
    settle_pages(turn, self);
  });
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
                              .move = R"({"section_id":null,"position":1.5})"},
                 .references = {{.field = "section_id", .many = "sections"}}}},
      .logs = {revision_log()},
      .make = [](const Noun& noun, const DomainOptions&) { return make(noun); }};
}

}  // namespace perdure::actors
