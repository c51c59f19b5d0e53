// SPDX-License-Identifier: Apache-2.0
// goal: what somebody wants to reach, within a timeframe. Its subgoals stay when it is deleted.
#include "nouns/nouns.hpp"

namespace perdure::actors {

Noun goal_noun() {
  return {.kind = "goal",
          .about = "Goals, and the goals that they are part of.",
          .lists = {.filters = {{.name = "status"},
                                {.name = "timeframe"},
                                {.name = "life_area_id"},
                                {.name = "parent_goal_id"}},
                    .sorts = {{.field = "$created_at"}, {.field = "target_date"}}},
          .references = {{.field = "parent_goal_id", .kind = "goal"},
                         {.field = "life_area_id", .kind = "life_area"}},
          .examples = {.create = R"({"title":"Learn Norwegian","timeframe":"year",)"
                                 R"("target_date":"2027-12-31"})",
                       .change = R"({"status":"completed"})"}};
}

}  // namespace perdure::actors
