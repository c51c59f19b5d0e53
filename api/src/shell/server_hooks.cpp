// SPDX-License-Identifier: Apache-2.0
#include "shell/server_hooks.hpp"

#include "perdure/runtime/kind_build.hpp"

namespace perdure::shell {

void ServerHooks::dead_letter_made(const ObjectId& letter, const Error& cause) {
  metrics_.dead_letter_made(letter, cause);
  log_.write(LogLevel::warning,
             {.logger = "runtime",
              .message = "given up after its last attempt; /api/v1/dead-letters has it",
              .fields = {{"dead_letter", letter.id}, {"cause", to_string(cause)}}});
}

void ServerHooks::call_unheard(const ObjectId& object, std::string_view name, const Error& error) {
  log_.write(LogLevel::warning, {.logger = "runtime",
                                 .message = "a call failed, and nobody asked what became of it",
                                 .fields = {{"object", to_string(object)},
                                            {"call", std::string{name}},
                                            {"cause", to_string(error)}}});
}

void ServerHooks::writes_stopped(const Error& cause) {
  metrics_.writes_stopped(cause);
  std::vector<LogField> fields{{"cause", to_string(cause)}};
  std::string message = "writes have stopped";
  for (const auto& field : cause.fields) {
    message = field.message;
    fields.push_back({"reason", field.code});
  }
  log_.write(
      LogLevel::critical,
      {.logger = "runtime", .message = message + ". Reads go on", .fields = std::move(fields)});
}

void ServerHooks::line_broken(const Error& cause) {
  metrics_.line_broken(cause);
  log_.write(LogLevel::warning,
             {.logger = "runtime",
              .message = "the store goes on in another line of history: cursors of events and "
                         "entity tags that were given out before are not honoured",
              .fields = {{"cause", cause.detail}}});
}

void ServerHooks::damage_found(const Error& cause) {
  metrics_.damage_found(cause);
  log_.write(
      LogLevel::critical,
      {.logger = "runtime",
       .message = "a file of the store is damaged; objects in it answer 500 corrupt, all others "
                  "go on. Stop the server, see what is hit with perdure check, and restore "
                  "a backup",
       .fields = {{"cause", to_string(cause)}}});
}

void ServerHooks::writes_resumed() {
  metrics_.writes_resumed();
  reopening_failed_ = false;
  log_.write(LogLevel::warning,
             {.logger = "runtime",
              .message = "the disk has space again: the store was opened again, writes go on"});
}

void ServerHooks::reopening_failed(const Error& cause) {
  metrics_.reopening_failed(cause);
  if (std::exchange(reopening_failed_, true)) return;
  log_.write(LogLevel::critical,
             {.logger = "runtime",
              .message = "the disk has space again, but the store does not open; trying again",
              .fields = {{"cause", to_string(cause)}}});
}

namespace {

/// Lines about duplicates; `perdure check` has all of them.
constexpr std::size_t duplicates_told_max = 100;

std::vector<LogField> fields_of(const KindBuild& build) {
  std::string parts;
  for (const auto& part : build.parts) parts += parts.empty() ? part : ", " + part;
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  return {{"kind", build.kind},
          {"parts", std::move(parts)},
          {"objects", number(build.done)},
          {"unreadable", number(build.unreadable)},
          {"duplicates", number(build.duplicates)}};
}

}  // namespace

void ServerHooks::build_started(const KindBuild& build) {
  metrics_.build_started(build);
  log_.write(LogLevel::info,
             {.logger = "runtime",
              .message = "a kind has changed: its rows are made again in the background; lists "
                         "that need them answer 503 index_building until then",
              .fields = fields_of(build)});
}

void ServerHooks::build_finished(const KindBuild& build) {
  metrics_.build_finished(build);
  log_.write(LogLevel::info, {.logger = "runtime",
                              .message = "the rows of a kind have been made again",
                              .fields = fields_of(build)});
}

void ServerHooks::duplicate_found(const Duplicate& duplicate) {
  metrics_.duplicate_found(duplicate);
  if (duplicates_told_ >= duplicates_told_max) return;
  const bool is_last = ++duplicates_told_ == duplicates_told_max;
  log_.write(LogLevel::warning,
             {.logger = "runtime",
              .message = is_last ? "two objects have one value of a unique field; no more of these "
                                   "lines, perdure check has all"
                                 : "two objects have one value of a unique field; the holder keeps "
                                   "the claim",
              .fields = {{"object", to_string(duplicate.object)},
                         {"field", duplicate.field},
                         {"holder", to_string(duplicate.holder)},
                         {"value", duplicate.value.value_or("(secret)")}}});
}

void ServerHooks::unknown_kind_found(const UnknownKind& unknown) {
  metrics_.unknown_kind_found(unknown);
  const bool is_known = unknown.known_version > 0;
  log_.write(
      LogLevel::warning,
      {.logger = "runtime",
       .message = is_known ? "the store has been opened by code with a newer version of a kind; "
                             "objects that it wrote answer 500 newer_version, and stay as they are"
                           : "the store has objects of a kind that this code does not know; they "
                             "stay as they are",
       .fields = {{"kind", unknown.kind},
                  {"stored_version", static_cast<std::int64_t>(unknown.stored_version)},
                  {"known_version", static_cast<std::int64_t>(unknown.known_version)}}});
}

std::vector<LogField> access_fields(const http::Finished& finished) {
  std::vector<LogField> fields{
      {"method", std::string{finished.method}},
      {"path", std::string{finished.path}},
      {"status", std::int64_t{finished.status}},
      {"duration_ms", std::chrono::duration<double, std::milli>(finished.duration).count()},
      {"bytes_in", static_cast<std::int64_t>(finished.body_bytes_in)},
      {"bytes_out", static_cast<std::int64_t>(finished.bytes_out)}};
  if (!finished.route.empty()) fields.push_back({"route", std::string{finished.route}});
  if (!finished.cause.empty()) fields.push_back({"cause", std::string{finished.cause}});
  return fields;
}

AccessLog::AccessLog(const Config& config, Log& log)
    : log_(log),
      ordinary_(config.text("log.requests") == "all" ? LogLevel::info : LogLevel::debug),
      slow_(config.number("log.slow")) {}

void AccessLog::operator()(const http::Finished& finished) const {
  const bool slow = finished.duration >= slow_ && finished.lasts_for == http::LastsFor::its_work;
  const bool failed = finished.status >= 500;
  const auto level = slow || failed ? LogLevel::warning : ordinary_;
  if (!log_.enabled(level)) return;
  log_.write(level, {.logger = "http",
                     .message = failed ? "request failed"
                                : slow ? "slow request"
                                       : "request",
                     .request_id = finished.request_id,
                     .fields = access_fields(finished)});
}

}  // namespace perdure::shell
