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
                       .change = R"({"status":"completed"})"},
          .roll_up = NounRollUp{.field = "progress",
                                .source = "progress_source",
                                .manual = "manual",
                                .from_parts = "tasks",
                                .part = "task",
                                .part_of = "goal_id",
                                .part_state = "status",
                                .done = "completed",
                                .left_out = "cancelled",
                                .same_part_of = "parent_goal_id"}};
}

}  // namespace perdure::actors
