// SPDX-License-Identifier: Apache-2.0
// /jobs: work in the background (perdure/actors/jobs.hpp).
#include "perdure/actors/jobs.hpp"

#include <algorithm>
#include <array>

#include "app/batch/part.hpp"
#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/event_streams.hpp"
#include "app/live_list.hpp"
#include "app/new_id.hpp"
#include "app/piecewise_answer.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "app/stream_query.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/api/http/sse.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/schema.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

using http::Method;

ObjectId job_of(const Context& context) {
  return {std::string{actors::job_kind_name}, std::string{context.value("id")}};
}

bool is_over(const Json& job) { return !job.at("expires_at").is_null(); }

bool sees_all(const Context& context) { return is_privileged(context.principal()); }

/// The job as it is. Errors: not_found, also for who may not know of it.
Result<ObjectView> find_job(const Context& context) {
  auto view = context.services.runtime.inspect(job_of(context));
  if (view && judge(context, view->meta, Action::read).allowed()) return view;
  if (!view && view.error().code != ErrorCode::not_found) return view;
  return fail(ErrorCode::not_found, "there is no such job");
}

// ---- a new job

void create_admitted(const ContextPtr& context, std::string command) {
  auto id = id_to_create(*context);
  if (!id) return answer(*context, std::move(id).error());
  const ObjectId job{std::string{actors::job_kind_name}, std::move(*id)};
  auto call = make_call(*context, job, CallType::command, std::move(command));
  call.payload = std::move(context->body);
  call_and_answer(context, std::move(call), Render::resource);
}

/// Of a request of a batch: whether the queue takes it beside those before it, which may be under
/// way. Errors: as actors::admit_job; those of reading.
Result<void> admit_in_batch(const Context& context, const std::string& queue) {
  if (!context.part || context.part->asked == nullptr) return {};
  auto& asked = *context.part->asked;
  const auto name = "jobs in " + queue;
  const auto found = asked.find(name);
  if (found == asked.end()) {
    PERDURE_TRY(there,
                actors::jobs_queued(context.services.runtime, queue, context.principal().user_id));
    asked[name + " of all"] = there.of_all;
    asked[name] = there.of_owner;
  }
  actors::JobOptions options;
  options.queued_max = context.services.options.jobs_queued_max;
  options.owner_queued_max = context.services.options.jobs_per_owner_queued_max;
  auto& of_owner = asked[name];
  auto& of_all = asked[name + " of all"];
  PERDURE_TRY_VOID(
      actors::admit_job_among(options, queue, {.of_all = of_all, .of_owner = of_owner}));
  // Those whose time has not come wait outside.
  const auto waits_outside = [&](const char* member) {
    return context.body.contains(member) && !context.body.at(member).is_null();
  };
  if (std::ranges::any_of(std::array{"delay_ms", "at", "cron"}, waits_outside)) return {};
  ++of_owner;
  ++of_all;
  return {};
}

/// Gives the answer of a bound, unless the request is a retry of one that was taken.
void refuse(const ContextPtr& context, Error error) {
  if (context->idempotency_key.empty()) return answer(*context, std::move(error));
  context->body = {{"code", describe(error.code).name}, {"detail", std::move(error.detail)}};
  if (error.retry_after) context->body["retry_after_s"] = error.retry_after->count();
  create_admitted(context, "turn_away");
}

/// Queues are counted when they are there, and those that a batch begins are not before its end.
Result<void> check_one_new_queue(const Context& context) {
  if (!context.part || !context.part->is_atomic()) return {};
  const auto queue = context.body.value("queue", std::string{"default"});
  const auto& first = context.part->made_by_all->emplace("new queue", queue).first->second;
  if (first == queue) return {};
  return fail(invalid_value(
      {{"/queue", "limit", "is the second new one: an atomic batch begins one at most"}}));
}

/// For a queue that is not there yet.
void create_in_new_queue(const ContextPtr& context) {
  if (auto checked = check_one_new_queue(*context); !checked) {
    return answer(*context, std::move(checked).error());
  }
  auto admitted = actors::admit_job_queue(context->services.runtime, context->principal().user_id);
  if (!admitted && admitted.error().code == ErrorCode::invalid) {
    return answer(*context, std::move(admitted).error());
  }
  create_admitted(context, "create");
}

void create_job(const ContextPtr& context) {
  const auto queue = context->body.value("queue", Json("default"));
  // What cannot be a queue's name is refused by the job itself.
  if (!queue.is_string() || !validate(ObjectId{std::string{actors::job_queue_kind_name}, queue})) {
    return create_admitted(context, "create");
  }
  auto admitted = actors::admit_job(context->services.runtime, queue, context->principal().user_id);
  const bool is_new = !admitted && admitted.error().code == ErrorCode::not_found;
  if (admitted || is_new) {
    if (auto among = admit_in_batch(*context, queue); !among) admitted = std::move(among);
  }
  if (admitted) return create_admitted(context, "create");
  switch (admitted.error().code) {
    case ErrorCode::rate_limited:
    case ErrorCode::overloaded: return refuse(context, std::move(admitted).error());
    case ErrorCode::not_found: break;
    // A queue that cannot be read now is no reason to refuse what will be done later.
    default: return create_admitted(context, "create");
  }
  run_slow(context, WorkClass::read, [context] { create_in_new_queue(context); });
}

// ---- one job

/// Only what is over. What was removed before is left to the call, which may be a retry.
void remove_job(const ContextPtr& context) {
  const auto view = look_at(*context, job_of(*context));
  const bool is_there = view && judge(*context, view->meta, Action::administer).allowed();
  // What is over stays over, so nothing can come between this look and the call.
  if (is_there && !is_over(view->state)) {
    return answer(*context, Error{.code = ErrorCode::conflict,
                                  .detail = "the job is not over: cancel it first"});
  }
  auto call =
      make_call(*context, job_of(*context), CallType::command, std::string{builtin::remove});
  if (!add_precondition(*context, call)) return;
  call_and_answer(context, std::move(call), Render::nothing);
}

/// What an export holds is for keys that hold what its maker's key held.
Result<void> check_may_read_output(const Context& context, const Json& job) {
  if (job.value("type", "") != "export") return {};
  const auto held = job.at("internal").value("scopes", std::string{"*"});
  for (std::size_t at = 0; at < held.size();) {
    const auto end = std::min(held.find(' ', at), held.size());
    const auto scope = held.substr(at, end - at);
    if (!scope_includes(context.principal().scopes, scope)) {
      return fail(ErrorCode::forbidden, "the key that made this export held the scope " + scope +
                                            ", which yours does not");
    }
    at = end + 1;
  }
  return {};
}

Result<PieceReader> open_output(Context& context, http::Headers& head) {
  PERDURE_TRY(job, find_job(context));
  PERDURE_TRY_VOID(check_may_read_output(context, job.state));
  head.add("Content-Type", "application/x-ndjson");
  head.add("Cache-Control", "private, no-cache");
  head.add("Content-Disposition",
           "attachment; filename=\"job-" + percent_encode(context.value("id")) + ".ndjson\"");
  auto range = EntryRange::prefix(std::string{actors::job_output_prefix}, Order::ascending, 64);
  return [&runtime = context.services.runtime, job = job_of(context), range](
             std::string& out, std::size_t bytes) mutable -> Result<More> {
    range.bytes_max = bytes;
    PERDURE_TRY(rows, runtime.entries(job, range));
    for (const auto& row : rows) out += row.value;
    if (!range.may_go_on(rows)) return More::no;
    range = range.after(rows);
    return More::yes;
  };
}

void get_stats(const ContextPtr& context) {
  const auto& stats = context->services.options.job_stats;
  if (!stats) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "there are no jobs"});
  }
  auto owner = sees_all(*context) ? std::nullopt : std::optional{context->principal().user_id};
  auto value = stats(owner);
  if (!value) return answer(*context, std::move(value).error());
  JsonAnswer json;
  write_json(json.text, *value);
  answer(*context, std::move(json));
}

// ---- what happens to it

/// After the event of its end nothing follows. The ends of a cron's runs are not its own.
bool is_last(const Event& event) {
  if (event.topic != "job.succeeded" && event.topic != "job.failed" &&
      event.topic != "job.cancelled") {
    return false;
  }
  const auto body = parse_stored_json(event.body);
  return body && body->at("data").at("status") != "queued";
}

/// Whether the log has something of the job after a cursor.
Result<bool> has_more(const Context& context, EventQuery query) {
  const auto job = job_of(context);
  query.limit = 100;
  for (;;) {
    PERDURE_TRY(page, context.services.runtime.read_events(query));
    for (const auto& event : page.events) {
      if (event->source == job) return true;
    }
    if (page.lost) return true;
    if (page.at_end) return false;
    query.after = page.next;
  }
}

/// A stream of one event: of a job to which nothing happens any more.
void answer_once(Context& context, const std::string& place, const StreamRules& rules) {
  const auto text =
      http::encode({.id = place, .event = rules.first_event, .data = rules.first_data});
  if (!text) return answer(context, Error{text.error()});
  auto response = http::event_stream_head();
  response.body = **text;
  answer(context, std::move(response));
}

void stream_job(const ContextPtr& context) {
  // Before the look at the job: what happens in between is told twice, not never.
  auto query = stream_query(*context, {"job.*"});
  if (!query) return answer(*context, std::move(query).error());
  const auto view = find_job(*context);
  if (!view) return answer(*context, Error{view.error()});
  const bool resumes = resume_after(*context).has_value();
  StreamRules rules{
      .use = [job = job_of(*context)](const Event& event, EventText&) -> Result<EventUse> {
        if (event.source != job) return EventUse::skipped;
        return is_last(event) ? EventUse::sent_as_last : EventUse::sent;
      }};
  rules.of = view->meta;
  if (!resumes) {
    rules.first_event = "job";
    rules.first_data = dump_json(actors::resource_body(*view));
    if (is_over(view->state)) return answer_once(*context, query->after, rules);
  } else if (is_over(view->state)) {
    const auto more = has_more(*context, *query);
    if (!more) return answer(*context, Error{more.error()});
    // 204 is how a server tells an EventSource not to come again.
    if (!*more) return answer_nothing(*context);
  }
  context->services.event_streams.open(context, std::move(*query), std::move(rules));
}

void add_jobs(std::vector<Route>& routes) {
  for (const char* operation : {"putJob", "patchJob", "restoreJob"}) {
    remove_route(routes, operation);
  }
  // What was removed does not come back.
  std::erase_if(route_named(routes, "listJobs").query,
                [](const Parameter& parameter) { return parameter.name == "deleted"; });
  auto& create = route_named(routes, "createJob");
  create.target = Commands{create_job};
  create.summary = "Have something done: now, later, or again and again";
  create.description =
      "429 (`rate_limited`) when as many of your jobs wait in the queue as an owner may have "
      "there, "
      "503 (`overloaded`) when as many wait as the queue may hold, both with `Retry-After`; 422 at "
      "`queue` (`limit`) when it is a new one and there are enough.";
  auto& remove = route_named(routes, "deleteJob");
  remove.target = Commands{remove_job, WorkClass::read};
  remove.summary = "Remove a job that is over";
}

}  // namespace

void add_job_routes(std::vector<Route>& routes) {
  add_jobs(routes);
  const std::string kind{actors::job_kind_name};
  const auto add = [&](Method method, std::string path, std::string operation, std::string summary,
                       Target target, std::string response) -> Route& {
    routes.push_back({.method = method,
                      .path = "/jobs/" + std::move(path),
                      .operation = std::move(operation),
                      .tag = "Jobs",
                      .summary = std::move(summary),
                      .permission = {"jobs", method == Method::get ? Access::read : Access::write},
                      .target = std::move(target),
                      .response_schema = std::move(response)});
    return routes.back();
  };
  add(Method::post, "{id}/cancel", "cancelJob", "Stop it, or have it never begin",
      ObjectCall{
          .kind = kind, .type = CallType::command, .name = "cancel", .render = Render::resource},
      "Job")
      .description =
      "A queued job is cancelled at once, a running one as soon as it has stopped "
      "(`cancel_requested_at` until then). One that is over is a 409.";
  auto& runs = add(Method::get, "{id}/runs", "listJobRuns", "Its attempts, newest first",
                   list_of_items(kind, "runs"), "JobRunList");
  runs.query = page_parameters();
  offer_live(runs);
  auto& output = add(Method::get, "{id}/output", "getJobOutput",
                     "What it has written, such as an export", piecewise(open_output), "");
  output.produces = "application/x-ndjson";
  output.validator = Validator::none;
  auto& events = add(Method::get, "{id}/events", "streamJob",
                     "What happens to it, until it is over", Slow{stream_job}, "");
  events.query = {{.name = "after",
                   .description = "A cursor (the `id` of an event), or `0` for the oldest that is "
                                  "kept. Without it: the job as it is, and then what follows."}};
  events.produces = "text/event-stream";
  events.validator = Validator::none;
  events.description =
      "Server-Sent Events: first `job` with the job as it is, then `job.started`, `job.progress`, "
      "`job.retrying` and at last `job.succeeded`, `job.failed` or `job.cancelled`, with "
      "CloudEvents as data. `Last-Event-ID` resumes; 204 when there is nothing left.";
  events = accept_tickets(std::move(events));
  add(Method::get, "stats", "getJobStats", "How many wait and run, by queue and by performer",
      Slow{get_stats}, "JobStats")
      .validator = Validator::none;
}

}  // namespace perdure::api
