// SPDX-License-Identifier: Apache-2.0
// life_area: a part of life that goals belong to.
#include "nouns/nouns.hpp"

namespace perdure::actors {

Noun life_area_noun() {
  return {.kind = "life_area",
          .about = "Parts of life that goals belong to.",
          .lists = {.sorts = {{.field = "position"}}},
          .examples = {.create = R"({"name":"Health","color":"#2e7d32"})",
                       .change = R"({"position":2})"}};
}

}  // namespace perdure::actors
