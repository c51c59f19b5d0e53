// SPDX-License-Identifier: Apache-2.0
// project: a name for tasks that belong together.
#include "nouns/nouns.hpp"

namespace perdure::actors {

Noun project_noun() {
  return {
      .kind = "project",
      .about = "Projects, which tasks can belong to.",
      .lists = {.filters = {{.name = "status"}},
                .sorts = {{.field = "$created_at"}, {.field = "$updated_at"}, {.field = "name"}}},
      .examples = {.create = R"({"name":"Summer in Norway"})",
                   .change = R"({"status":"archived"})"}};
}

}  // namespace perdure::actors
