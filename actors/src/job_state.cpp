// SPDX-License-Identifier: Apache-2.0
#include "job_state.hpp"

#include <algorithm>
#include <array>

namespace perdure::actors {

namespace {

constexpr std::uint64_t runs_kept = 100;
/// A job that was cut off so often is not begun again: it may be what ends the process.
constexpr int crashes_max = 10;
constexpr const char* start_alarm = "start";
constexpr const char* retry_alarm = "retry";
constexpr const char* timeout_alarm = "timeout";
constexpr const char* expire_alarm = "expire";

template <class T>
T increment(Json& number) {
  const T next = number.get<T>() + 1;
  number = next;
  return next;
}

std::string output_key(std::uint64_t piece) {
  return std::string{job_output_prefix} + ordered_key(piece);
}

JobStay stay_of(const Turn& turn, const Json& job) {
  return {.job = turn.object().id,
          .run = job.at("internal").at("run"),
          .type = job.at("type"),
          .priority = job.at("priority"),
          .owner = turn.meta().origin->owner.text()};
}

/// Whether a job with the one state is moved by the same as with the other. The rest of a state
/// counts from the next attempt on.
bool has_same_under_way(const Json& one, const Json& other) {
  constexpr std::array members{"status", "type",      "queue",  "priority",
                               "cron",   "time_zone", "run_at", "cancel_requested_at"};
  constexpr std::array internal_members{"phase", "run", "open"};
  const auto is_same = [](const Json& a, const Json& b) {
    return [&a, &b](const char* member) { return a.at(member) == b.at(member); };
  };
  return std::ranges::all_of(members, is_same(one, other)) &&
         std::ranges::all_of(internal_members, is_same(one.at("internal"), other.at("internal")));
}

Message to_queue(const Json& job, std::string command, Json payload) {
  return {.to = {std::string{job_queue_kind_name}, job.at("queue")},
          .command = std::move(command),
          .payload = std::move(payload),
          .owner = ""};  // queues are nobody's: erasing a user must not take them along
}

}  // namespace

Json JobState::first_internal() {
  return {{"phase", phase::scheduled},
          {"run", 0},            // stays in the queue so far
          {"number", 0},         // entries of `runs/` so far
          {"open", 0},           // the one of the attempt that runs
          {"failures", 0},       // of this tick
          {"crashes", 0},        // of this tick
          {"pieces", 0},         // of the output
          {"timed_out", false},  // the attempt that runs
          {"is_admin", false},   // who made it
          {"scopes", ""},        // what the maker's key held then
          {"last_outcome", ""}};
}

bool JobState::is_at(const Json& run) const {
  return own_.at("run") == run && (is_in(phase::waiting) || is_in(phase::running));
}

bool JobState::is_running(const Json& run) const {
  return own_.at("run") == run && is_in(phase::running);
}

void JobState::set_phase(std::string_view phase) {
  own_["phase"] = phase;
  if (phase == phase::over) return;
  job_["status"] = phase == phase::running ? "running" : "queued";
}

void JobState::schedule(Schedule schedule) {
  set_phase(phase::scheduled);
  job_["run_at"] = format_rfc3339(schedule.first(turn_.now()));
  turn_.set_alarm({.name = start_alarm, .command = "tick", .schedule = std::move(schedule)});
}

void JobState::enqueue() {
  set_phase(phase::waiting);
  if (job_.at("cron").is_null()) job_["run_at"] = nullptr;
  // A number that no stay under this name has had, in no life and in no past that was undone: seqs
  // never come again, and each stay takes one.
  own_["run"] = std::max(own_.at("run").get<std::uint64_t>(), turn_.meta().seq) + 1;
  turn_.send(to_queue(job_, "enqueue", stay_of(turn_, job_)));
}

void JobState::leave_queue() {
  turn_.cancel_alarm(start_alarm);
  turn_.cancel_alarm(retry_alarm);
  if (is_in(phase::waiting)) turn_.send(to_queue(job_, "leave", stay_of(turn_, job_)));
}

std::optional<Timestamp> JobState::next_tick() const {
  if (job_.at("cron").is_null()) return {};
  const auto alarm = turn_.alarm(start_alarm);
  return alarm ? alarm->spec.schedule.next(turn_.now()) : std::nullopt;
}

void JobState::show_next_tick() {
  const auto next = next_tick();
  job_["run_at"] = next ? Json(format_rfc3339(*next)) : Json(nullptr);
}

void JobState::begin_tick() {
  job_["attempts"] = 0;
  own_["failures"] = 0;
  own_["crashes"] = 0;
  show_next_tick();
}

void JobState::skip_tick() {
  show_next_tick();
  const auto now = format_rfc3339(turn_.now());
  put_run({{"number", increment<std::uint64_t>(own_["number"])},
           {"attempt", 0},
           {"outcome", "skipped"},
           {"started_at", now},
           {"finished_at", now},
           {"error", nullptr}});
  publish("job.skipped");
}

void JobState::put_run(const Json& run) {
  const auto number = run.at("number").get<std::uint64_t>();
  turn_.entries().put_json(runs + ordered_key(number), run);
  if (number > runs_kept) turn_.entries().erase(runs + ordered_key(number - runs_kept));
}

void JobState::open_run() {
  erase_output();
  set_phase(phase::running);
  const auto now = format_rfc3339(turn_.now());
  job_["started_at"] = now;
  job_["progress"] = nullptr;
  own_["timed_out"] = false;
  own_["open"] = increment<std::uint64_t>(own_["number"]);
  put_run({{"number", own_.at("open")},
           {"attempt", increment<std::uint64_t>(job_["attempts"])},
           {"outcome", "running"},
           {"started_at", now},
           {"finished_at", nullptr},
           {"error", nullptr}});
  if (const Json& timeout = job_.at("timeout_ms"); !timeout.is_null()) {
    turn_.set_alarm({.name = timeout_alarm,
                     .command = "time_out",
                     .payload = {{"run", own_.at("run")}},
                     .schedule = Schedule::in(Milliseconds{timeout.get<std::int64_t>()})});
  }
  publish("job.started");
}

void JobState::close_run(std::string_view outcome, const Json& error) {
  turn_.cancel_alarm(timeout_alarm);
  const auto key = runs + ordered_key(own_.at("open").get<std::uint64_t>());
  const auto entry = turn_.entries().get(key);
  if (!entry) return;  // an operator's doing
  Json run = entry->json();
  run["outcome"] = outcome;
  run["finished_at"] = format_rfc3339(turn_.now());
  run["error"] = error;
  turn_.entries().put_json(key, run);
}

bool JobState::survives_crash() { return increment<int>(own_["crashes"]) < crashes_max; }

void JobState::wait_again() {
  set_phase(phase::waiting);
  publish("job.retrying");
}

bool JobState::tries_again(const Json& error, std::optional<Milliseconds> asked) {
  // Stored by this kind, so it can be read.
  const auto retry = parse_retry(job_.at("retry"), "/retry").value();
  const auto failures = increment<int>(own_["failures"]);
  if (failures >= retry.attempts) return false;
  const auto wait = retry.wait_after(failures, turn_.random(), asked);
  set_phase(phase::backing_off);
  own_["last_outcome"] = outcome::failed;
  job_["error"] = error;
  job_["run_at"] = format_rfc3339(turn_.now() + wait);
  turn_.set_alarm({.name = retry_alarm, .command = "again", .schedule = Schedule::in(wait)});
  publish("job.retrying");
  return true;
}

void JobState::end(std::string_view outcome, Json result, Json error) {
  own_["last_outcome"] = outcome;
  job_["finished_at"] = format_rfc3339(turn_.now());
  if (outcome == outcome::succeeded) job_["result"] = std::move(result);
  job_["error"] = std::move(error);
  // A cron whose run came to its end before it could be stopped is cancelled all the same.
  const bool is_cancelled_cron = stop_is_wanted() && !job_.at("cron").is_null();
  const auto last = is_cancelled_cron ? outcome::cancelled : outcome;
  const auto next = last == outcome::cancelled ? std::nullopt : next_tick();
  if (next) {
    set_phase(phase::scheduled);
    job_["run_at"] = format_rfc3339(*next);
  } else {
    turn_.cancel_alarm(start_alarm);
    set_phase(phase::over);
    job_["status"] = last;
    job_["run_at"] = nullptr;
    expire_later();
  }
  publish("job." + std::string{last});
}

void JobState::expire_later() {
  const auto& retention = rules_.options.retention;
  job_["expires_at"] = format_rfc3339(turn_.now() + retention);
  turn_.set_alarm({.name = expire_alarm, .command = "expire", .schedule = Schedule::in(retention)});
}

void JobState::stop_run() {
  turn_.request({.performer = std::string{stopper},
                 .payload = {{"job", turn_.object().id}, {"run", own_.at("run")}}});
}

void JobState::request_cancel() {
  if (stop_is_wanted()) return turn_.change_nothing();
  job_["cancel_requested_at"] = format_rfc3339(turn_.now());
  stop_run();
}

void JobState::time_out() {
  own_["timed_out"] = true;
  stop_run();
}

void JobState::settle(const Json* before) {
  heed_status();
  // What was deleted has nothing under way.
  if (before != nullptr && turn_.meta().exists() && has_same_under_way(*before, job_)) return;
  own_["crashes"] = 0;
  own_["timed_out"] = false;
  if (before != nullptr) end_stay_of(*before);
  settle_alarms();
  if (!is_over()) go_on();
}

void JobState::heed_status() {
  const auto status = job_.at("status").get<std::string>();
  const bool is_outcome =
      status == outcome::succeeded || status == outcome::failed || status == outcome::cancelled;
  if (is_outcome == is_over()) return;
  if (is_outcome) {
    if (is_in(phase::running)) close_run(outcome::interrupted, nullptr);
    set_phase(phase::over);
    own_["last_outcome"] = status;
    job_["run_at"] = nullptr;
    if (job_.at("finished_at").is_null()) job_["finished_at"] = format_rfc3339(turn_.now());
  } else {
    own_["failures"] = 0;
    job_["finished_at"] = nullptr;
    set_phase(job_.at("cron").is_null() ? phase::waiting : phase::scheduled);
  }
}

void JobState::end_stay_of(const Json& before) {
  const auto& own = before.at("internal");
  own_["run"] = std::max(own_.at("run").get<std::uint64_t>(), own.at("run").get<std::uint64_t>());
  const auto& phase = own.at("phase");
  if (phase == phase::waiting) turn_.send(to_queue(before, "leave", stay_of(turn_, before)));
  if (phase == phase::running) {
    turn_.request({.performer = std::string{stopper},
                   .payload = {{"job", turn_.object().id}, {"run", own.at("run")}}});
  }
}

void JobState::settle_alarms() {
  turn_.cancel_alarm(timeout_alarm);
  turn_.cancel_alarm(retry_alarm);
  if (is_over()) {
    turn_.cancel_alarm(start_alarm);
    return expire_later();
  }
  turn_.cancel_alarm(expire_alarm);
  job_["expires_at"] = nullptr;
  const auto& cron = job_.at("cron");
  if (cron.is_null()) {
    turn_.cancel_alarm(start_alarm);
    return;
  }
  const auto& zone = job_.at("time_zone");
  auto ticks = Schedule::by_cron(cron, zone.is_null() ? "UTC" : zone.get<std::string>());
  if (!ticks) throw Failure{std::move(ticks).error()};
  turn_.set_alarm({.name = start_alarm, .command = "tick", .schedule = std::move(*ticks)});
}

void JobState::go_on() {
  if (is_in(phase::running)) close_run(outcome::interrupted, nullptr);
  if (stop_is_wanted()) return end(outcome::cancelled, nullptr, nullptr);
  if (!is_in(phase::scheduled)) return enqueue();
  if (!job_.at("cron").is_null()) return show_next_tick();
  const auto& at = job_.at("run_at");
  const auto time = at.is_string() ? parse_rfc3339(at.get_ref<const std::string&>())
                                   : Result<Timestamp>{fail(ErrorCode::malformed, "")};
  schedule(Schedule::once(time ? *time : turn_.now()));
}

void JobState::append_output(std::string text) {
  job_["output_bytes"] = job_.at("output_bytes").get<std::size_t>() + text.size();
  const auto piece = increment<std::uint64_t>(own_["pieces"]);
  turn_.entries().put(output_key(piece), std::move(text));
}

void JobState::erase_output() {
  const auto pieces = own_.at("pieces").get<std::uint64_t>();
  for (std::uint64_t piece = 1; piece <= pieces; ++piece) {
    turn_.entries().erase(output_key(piece));
  }
  own_["pieces"] = 0;
  job_["output_bytes"] = 0;
}

void JobState::publish(const std::string& topic) {
  Json data{{"id", turn_.object().id}};
  for (const char* member :
       {"type", "queue", "status", "attempts", "progress", "error", "run_at"}) {
    data[member] = job_.at(member);
  }
  turn_.publish(topic, std::move(data));
}

}  // namespace perdure::actors
