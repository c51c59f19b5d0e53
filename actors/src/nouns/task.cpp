// SPDX-License-Identifier: Apache-2.0
// task: a to-do. Subtasks go along with their task.
#include "nouns/nouns.hpp"

namespace perdure::actors {

namespace {

constexpr const char* completed = "completed";

/// `completed_at` is there while the task is completed.
Result<void> settle(Turn& turn, const Json& /*before*/, Json& next) {
  const bool is_completed = next.at("status") == completed;
  if (is_completed == !next.at("completed_at").is_null()) return {};
  next["completed_at"] = is_completed ? Json(format_rfc3339(turn.now())) : Json(nullptr);
  return {};
}

}  // namespace

Noun task_noun() {
  using WhenDeleted = ReferenceDefinition::WhenDeleted;
  return {
      .kind = "task",
      .about = "To-dos, with priorities, dates and subtasks.",
      .lists =
          {.filters = {{.name = "status"},
                       {.name = "priority"},
                       {.name = "goal_id"},
                       {.name = "project_id"},
                       {.name = "parent_id"},
                       {.name = "source"},
                       {.name = "due", .field = "due_date", .compare = ListFilter::Compare::range}},
           .sorts = {{.field = "$created_at"}, {.field = "due_date"}, {.field = "priority"}}},
      .references = {{.field = "goal_id", .kind = "goal"},
                     {.field = "project_id", .kind = "project"},
                     {.field = "parent_id",
                      .kind = "task",
                      .when_deleted = WhenDeleted::goes_along}},
      .server_set = {{"completed_at", nullptr}},
      .examples = {.create = R"({"title":"Book the ferry","due_date":"2027-06-01",)"
                             R"("priority":"high"})",
                   .change = R"({"description":"Bergen to Hirtshals"})"},
      .actions = {{.path = "status",
                   .schema = "TaskStatus",
                   .summary = "Set the status of a task",
                   .example = R"({"status":"completed"})"}},
      .settle = settle};
}

}  // namespace perdure::actors
