// SPDX-License-Identifier: Apache-2.0
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"

namespace perdure::api {

void add_notebook_routes(std::vector<Route>& routes) {
  const Parameter tag{.name = "tag", .description = "Only those that have this tag."};
  add_resource(routes, {.path = "/notebooks",
                        .kind = "notebook",
                        .schema = "Notebook",
                        .tag = "Notebooks",
                        .resource = "notebooks",
                        .lists = {{.sort = "updated_at", .index = "updated_at"},
                                  {.sort = "title", .index = "title"},
                                  {"tag", "updated_at", "tag_updated_at"},
                                  {"tag", "title", "tag_title"}},
                        .default_sort = "-updated_at",
                        .filters = {tag},
                        .examples = {.create = R"({"title":"Travels","tags":["2026"]})",
                                     .change = R"({"title":"Voyages","description":null})"}});
  add_items(routes, {.path = "/notebooks/{id}/sections",
                     .parameter = "section_id",
                     .kind = "notebook",
                     .item = "section",
                     .items = "sections",
                     .schema = "Section",
                     .tag = "Notebooks",
                     .resource = "notebooks",
                     .sorts = {"position", "updated_at"},
                     .examples = {.create = R"({"title":"Norway"})",
                                  .change = R"({"title":"Norway and Sweden"})",
                                  .move = R"({"position":1.5})"}});
  add_items(routes,
            {.path = "/notebooks/{id}/pages",
             .parameter = "page_id",
             .kind = "notebook",
             .item = "page",
             .items = "pages",
             .schema = "Page",
             .tag = "Notebooks",
             .resource = "notebooks",
             .sorts = {"position", "updated_at"},
             .filters = {tag, {.name = "section_id", .description = "Only those in this section."}},
             .examples = {.create = R"({"title":"Day one","content":"Rain.","tags":["fjord"]})",
                          .change = R"({"content":"Rain, then sun."})",
                          .move = R"({"section_id":null,"position":1.5})"}});
  routes.push_back({.path = "/notebooks/{id}/pages/{page_id}/revisions",
                    .operation = "listPageRevisions",
                    .tag = "Notebooks",
                    .summary = "Earlier versions of a page, newest first",
                    .permission = {"notebooks", Access::read},
                    .target = ObjectCall{.kind = "notebook",
                                         .name = "list_revisions",
                                         .payload = PayloadFrom::item_query,
                                         .render = Render::list},
                    .response_schema = "PageRevisionList",
                    .query = page_parameters()});
}

}  // namespace perdure::api
