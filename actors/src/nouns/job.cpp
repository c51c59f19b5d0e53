// SPDX-License-Identifier: Apache-2.0
// job: work in the background. Its kind is made by job_kinds, of the types of jobs that a host has.
#include "job_state.hpp"
#include "nouns/nouns.hpp"

namespace perdure::actors {

namespace {

constexpr const char* data = "{id, type, queue, status, …}";

NounLog run_log() {
  return {.query = "list_runs",
          .id = "number",
          .topics = {"job.*"},
          .prefix = [](const Json&) { return std::string{JobState::runs}; },
          .shown = [](const ObjectMeta&, const Json&, const Entry& row) { return row.json(); }};
}

}  // namespace

Noun job_noun() {
  return {
      .kind = "job",
      .about = "Work in the background: queued, repeated, retried, followed.",
      .lists = {.filters = {{.name = "status"}, {.name = "type"}, {.name = "queue"}},
                .sorts = {{.field = "$created_at"}},
                .across = ListRules::Across::everybody},
      .server_set = {{"status", "queued"},
                     {"progress", nullptr},
                     {"result", nullptr},
                     {"error", nullptr},
                     {"attempts", 0},
                     {"output_bytes", 0},
                     {"run_at", nullptr},
                     {"started_at", nullptr},
                     {"finished_at", nullptr},
                     {"cancel_requested_at", nullptr},
                     {"expires_at", nullptr}},
      .examples = {.create = R"({"type":"echo","payload":{"hello":"world"}})"},
      .logs = {run_log()},
      .topics = {{"job.created", data, "a job was queued"},
                 {"job.started", data, "an attempt began"},
                 {"job.progress", data, "it told how far it is"},
                 {"job.retrying", data, "an attempt failed or was cut off, and another follows"},
                 {"job.skipped", data, "its time came while the run before was not over"},
                 {"job.succeeded", data, "it is over: its result stands in the job"},
                 {"job.failed", data, "it is over: its error stands in the job"},
                 {"job.cancelled", data, "it is over: somebody cancelled it"}},
      .made_by = Noun::MadeBy::host};
}

}  // namespace perdure::actors
