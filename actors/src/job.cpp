// SPDX-License-Identifier: Apache-2.0
// job: what is to be done, and what came of it. Entries:
//
//   runs/<number>     one attempt (the schema JobRun), the newest `runs_kept` of them
//   output/<number>   a piece of the output
//
// `internal.phase` says who moves the job next: its alarm `start` (scheduled), its queue (waiting),
// its runner (running), its alarm `retry` (backing_off), nobody (over).
#include "job_state.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t result_bytes_max = 64u << 10;
constexpr std::size_t detail_bytes_max = 2'000;

Error refused_type(const JobTypes& types, const std::string& name) {
  std::string known;
  for (const auto& one : types.names()) known += (known.empty() ? "" : ", ") + one;
  return invalid_field("/type", "unknown", "must be one of " + known + ", not " + name);
}

/// What the client left out of `retry`, from the type.
Result<RetryPolicy> retry_of(const Json& sent, const JobType& type) {
  Json whole = type.retry;
  if (sent.is_object()) whole.update(sent);
  return parse_retry(whole, "/retry");
}

Result<std::optional<Schedule>> schedule_of(const Json& job) {
  const Json& delay = job.at("delay_ms");
  const Json& at = job.at("at");
  const Json& cron = job.at("cron");
  const int given = int{!delay.is_null()} + int{!at.is_null()} + int{!cron.is_null()};
  if (given > 1) {
    return fail(invalid_field(cron.is_null() ? "/at" : "/cron", "combination",
                              "cannot be given together with another of delay_ms, at and cron"));
  }
  const Json& zone = job.at("time_zone");
  if (!zone.is_null() && cron.is_null()) {
    return fail(invalid_field("/time_zone", "combination", "is only for cron"));
  }
  if (!delay.is_null()) {
    return std::optional{Schedule::in(Milliseconds{delay.get<std::int64_t>()})};
  }
  if (!at.is_null()) {
    PERDURE_TRY(time, parse_rfc3339(at.get<std::string>()));
    return std::optional{Schedule::once(time)};
  }
  if (cron.is_null()) return std::optional<Schedule>{};
  PERDURE_TRY(schedule, Schedule::by_cron(cron.get<std::string>(),
                                          zone.is_null() ? "UTC" : zone.get<std::string>()));
  return std::optional{std::move(schedule)};
}

Result<void> settle(const JobRules& rules, Turn& turn, const Json& before, Json& next) {
  if (!before.empty()) return fail(ErrorCode::conflict, "a job is never changed, only cancelled");
  const auto& name = next.at("type").get_ref<const std::string&>();
  const auto* type = rules.types.find(name);
  if (type == nullptr) return fail(refused_type(rules.types, name));
  if (type->check_payload) {
    if (auto wrong = type->check_payload(next.at("payload")); !wrong.empty()) {
      for (auto& field : wrong) field.pointer = "/payload" + field.pointer;
      return fail(invalid_value(std::move(wrong)));
    }
  }
  PERDURE_TRY(retry, retry_of(next.at("retry"), *type));
  next["retry"] = retry;
  if (next.at("timeout_ms").is_null() && type->timeout.count() > 0) {
    next["timeout_ms"] = type->timeout.count();
  }
  PERDURE_TRY(schedule, schedule_of(next));
  next["internal"]["is_admin"] = is_privileged(turn.principal());
  next["internal"]["scopes"] = turn.principal().scopes;
  JobState job{rules, turn, next};
  if (schedule) {
    job.schedule(std::move(*schedule));
  } else {
    job.enqueue();
  }
  return {};
}

/// The moment of a delay, or of a cron.
void tick(JobState& job, Turn& turn) {
  if (job.is_over()) return turn.change_nothing();
  // One run at a time.
  if (!job.is_in(phase::scheduled)) return job.skip_tick();
  job.begin_tick();
  job.enqueue();
}

void again(JobState& job, Turn& turn) {
  if (!job.is_in(phase::backing_off)) return turn.change_nothing();
  job.enqueue();
}

/// The runner has got a place for the job. Nothing of the work is done before this is durable.
Json begin(JobState& job, Turn& turn, const Json& state, const Json& stay) {
  if (!job.is_at(stay.at("run"))) {
    turn.change_nothing();
    return {{"go", false}, {"outcome", job.last_outcome()}};
  }
  if (job.is_in(phase::running)) {
    // Whoever began it is gone with its process.
    job.close_run(outcome::interrupted, nullptr);
    if (job.stop_is_wanted()) {
      job.end(outcome::cancelled, nullptr, nullptr);
    } else if (!job.survives_crash()) {
      job.end(outcome::failed, nullptr,
              {{"code", "internal"}, {"detail", "the server ended in the middle of it, often"}});
    }
    if (!job.is_running(stay.at("run"))) return {{"go", false}, {"outcome", job.last_outcome()}};
  }
  job.open_run();
  return {{"go", true},
          {"payload", state.at("payload")},
          {"attempt", state.at("attempts")},
          {"owner", turn.meta().origin->owner.text()},
          {"is_admin", state.at("internal").at("is_admin")},
          {"scopes", state.at("internal").at("scopes")},
          {"started_at", state.at("started_at")}};
}

/// What a client is told whose job is not taken (admit_job): {code, detail, retry_after_s?}. It is
/// a command so that a retry of a job that was taken finds its reply, whatever waits by then.
Error turn_away(const Json& payload) {
  Error error{
      .code =
          error_code_from(payload.at("code").get<std::string>()).value_or(ErrorCode::overloaded),
      .detail = payload.at("detail")};
  if (const auto wait = payload.find("retry_after_s"); wait != payload.end()) {
    error.retry_after = std::chrono::seconds{wait->get<std::int64_t>()};
  }
  return error;
}

void progress(JobState& job, Turn& turn, Json& state, const Json& payload) {
  if (!job.is_running(payload.at("run"))) return turn.change_nothing();
  state["progress"] = payload.at("progress");
  job.publish("job.progress");
}

Result<void> append(const JobRules& rules, JobState& job, const Json& state, const Json& payload) {
  if (!job.is_running(payload.at("run"))) return fail(ErrorCode::conflict, "the attempt is over");
  auto text = payload.at("text").get<std::string>();
  const auto bytes_max = rules.options.output_bytes_max;
  if (state.at("output_bytes").get<std::size_t>() + text.size() > bytes_max) {
    return fail(ErrorCode::too_large,
                "a job's output has at most " + std::to_string(bytes_max) + " bytes");
  }
  job.append_output(std::move(text));
  return {};
}

/// How an attempt ended, as its runner saw it.
struct Ending {
  std::string outcome;
  Json result;
  Json error;
  bool is_retryable = false;
  std::optional<Milliseconds> asked = {};  ///< how long whoever was called wants to be left alone
};

/// What the job makes of it.
Ending judge(const JobState& job, const Json& payload) {
  Ending ending{.outcome = payload.at("outcome"),
                .result = payload.value("result", Json()),
                .error = payload.value("error", Json()),
                .is_retryable = payload.value("retryable", false)};
  if (const auto wait = payload.find("retry_after_s"); wait != payload.end()) {
    ending.asked = std::chrono::seconds{wait->get<std::int64_t>()};
  }
  if (ending.outcome != outcome::succeeded && job.stop_is_wanted()) {
    return {.outcome = std::string{outcome::cancelled}};
  }
  if (ending.outcome == outcome::failed && job.is_timed_out()) {
    ending.error = {{"code", "deadline_exceeded"}, {"detail", "it took longer than timeout_ms"}};
    ending.is_retryable = true;
  } else if (serialized_size(ending.result, result_bytes_max) > result_bytes_max) {
    return {.outcome = std::string{outcome::failed},
            .error = {{"code", "too_large"}, {"detail", "the result has more than 64 KiB"}}};
  }
  return ending;
}

/// The attempt is over: {run, outcome, result?, error?, retryable?, retry_after_s?, progress?}.
/// Gives the outcome.
Json finish(JobState& job, Turn& turn, Json& state, const Json& payload) {
  if (!job.is_running(payload.at("run"))) {
    turn.change_nothing();
    return job.last_outcome();
  }
  if (payload.contains("progress")) state["progress"] = payload["progress"];
  auto ending = judge(job, payload);
  job.close_run(ending.outcome, ending.error);
  if (ending.outcome == outcome::interrupted) {
    job.wait_again();
  } else if (ending.outcome != outcome::failed || !ending.is_retryable ||
             !job.tries_again(ending.error, ending.asked)) {
    job.end(ending.outcome, std::move(ending.result), std::move(ending.error));
  }
  return ending.outcome;
}

Result<Json> cancel(JobState& job, Turn& turn, const Json& state) {
  const auto& status = state.at("status");
  if (status == outcome::cancelled) {
    turn.change_nothing();
  } else if (job.is_over()) {
    return fail(ErrorCode::conflict, "the job is over: it has " + status.get<std::string>());
  } else if (job.is_in(phase::running)) {
    job.request_cancel();
  } else {
    job.leave_queue();
    job.end(outcome::cancelled, nullptr, nullptr);
  }
  return public_state(state);
}

void time_out(JobState& job, Turn& turn, const Json& payload) {
  if (!job.is_running(payload.at("run"))) return turn.change_nothing();
  job.time_out();
}

/// Out of sight, and then out of the store.
void expire(Turn& turn) {
  turn.send({.to = turn.object(), .command = std::string{builtin::remove}});
  turn.send({.to = turn.object(), .command = std::string{builtin::purge}});
}

Result<Json> list_runs(const View& view, const Json& payload) {
  PERDURE_TRY(query, read_list_query(payload, {.sorts = {"number"}}));
  return scan(view.entries(),
              {.prefix = JobState::runs,
               .order = Order::descending,
               .limit = query.limit,
               .cursor = query.cursor},
              [](const Entry& row) { return row.json(); });
}

ResourceRules resource_rules(const std::shared_ptr<const JobRules>& rules) {
  return {
      .kind = std::string{job_kind_name},
      .fields = Fields::of("Job"),
      .server_set = find_noun(job_kind_name)->server_set,
      .free_form = {"progress", "result", "error"},
      .internal = JobState::first_internal(),
      .settle = [rules](Turn& turn, const Json& before, Json& next, const Json&) -> Result<void> {
        PERDURE_TRY_VOID(settle(*rules, turn, before, next));
        if (before.empty()) {
          turn.publish("job.created", {{"id", turn.object().id},
                                       {"type", next.at("type")},
                                       {"queue", next.at("queue")},
                                       {"status", next.at("status")}});
        }
        return {};
      }};
}

/// A state from outside may lack members: a merge patch removes what it sets to null.
Json completed(const Json& form, const Json& state) {
  Json whole = form;
  whole.update(state);
  return whole;
}

/// Jobs of before scopes were kept go on with all that their makers have.
Json with_scopes(Json state) {
  state["internal"]["scopes"] = "*";
  return state;
}

}  // namespace

Json job_error(const Error& error) {
  std::string detail{cut_utf8(error.detail, detail_bytes_max)};
  if (!is_valid_utf8(detail)) detail.clear();
  return {{"code", name_of(error)}, {"detail", std::move(detail)}};
}

Kind job_kind(const JobTypes& types, const JobOptions& options) {
  // Shared by the handlers, which outlive this call: immutable.
  const auto rules = std::make_shared<const JobRules>(JobRules{types, options});
  const auto with_payload = [rules](auto step) {
    return [rules, step](Turn& turn, ResourceState& self, const Json& payload) {
      JobState job{*rules, turn, self.json};
      return step(*rules, job, turn, self.json, payload);
    };
  };
  const auto plain = [rules](auto step) {
    return [rules, step](Turn& turn, ResourceState& self) {
      JobState job{*rules, turn, self.json};
      return step(job, turn, self.json);
    };
  };
  const auto resource = resource_rules(rules);
  Json form = resource.fields.defaults();
  form.update(resource.server_set);
  return resource_kind(resource)
      .lists(find_noun(job_kind_name)->lists)
      .publish_changes({.tells = ChangeEvents::Tells::ends})
      .schema_version(2)
      .upgrade(1, with_scopes)
      .command("turn_away",
               [](Turn&, ResourceState&, const Json& payload) -> Result<Json> {
                 return fail(turn_away(payload));
               },
               {.creates = Creates::yes})
      .command("tick", plain([](auto& job, auto& turn, auto&) { tick(job, turn); }),
               {.callers = Callers::administrators})
      .command("again", plain([](auto& job, auto& turn, auto&) { again(job, turn); }),
               {.callers = Callers::messages})
      .command("cancel",
               plain([](auto& job, auto& turn, auto& state) { return cancel(job, turn, state); }))
      .command("expire", plain([](auto&, auto& turn, auto&) { expire(turn); }),
               {.callers = Callers::messages})
      .command("begin", with_payload([](auto&, auto& job, auto& turn, auto& state, auto& stay) {
                 return begin(job, turn, state, stay);
               }),
               {.callers = Callers::host})
      .command("progress",
               with_payload([](auto&, auto& job, auto& turn, auto& state, auto& payload) {
                 progress(job, turn, state, payload);
               }),
               {.callers = Callers::host})
      .command("append", with_payload([](auto& of, auto& job, auto&, auto& state, auto& payload) {
                 return append(of, job, state, payload);
               }),
               {.callers = Callers::host})
      .command("finish", with_payload([](auto&, auto& job, auto& turn, auto& state, auto& payload) {
                 return finish(job, turn, state, payload);
               }),
               {.callers = Callers::host})
      .command("time_out", with_payload([](auto&, auto& job, auto& turn, auto&, auto& payload) {
                 time_out(job, turn, payload);
               }),
               {.callers = Callers::messages})
      .query("list_runs", [](const View& view, const ResourceState&,
                             const Json& payload) { return list_runs(view, payload); })
      .on_settle([rules, form](Turn& turn, ResourceState& self, const ResourceState* before) {
        self.json = completed(form, self.json);
        const Json earlier = before == nullptr ? Json() : completed(form, before->json);
        JobState{*rules, turn, self.json}.settle(before == nullptr ? nullptr : &earlier);
      })
      .reach(Reach::system);
}

std::vector<Kind> job_kinds(const JobTypes& types, const JobOptions& options) {
  return {job_kind(types, options), job_queue_kind(types, options)};
}

}  // namespace perdure::actors
