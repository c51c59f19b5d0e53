// SPDX-License-Identifier: Apache-2.0
#include "app/live_list.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"

namespace perdure::api {

void add_notebook_routes(std::vector<Route>& routes) {
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
  offer_live(routes.back());
}

}  // namespace perdure::api
