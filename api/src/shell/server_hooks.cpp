// SPDX-License-Identifier: Apache-2.0
#include "shell/server_hooks.hpp"

namespace perdure::shell {

void ServerHooks::dead_letter_made(const ObjectId& letter, const Error& cause) {
  metrics_.dead_letter_made(letter, cause);
  log_.write(LogLevel::warning,
             {.logger = "runtime",
              .message = "given up after its last attempt; /api/v1/dead-letters has it",
              .fields = {{"dead_letter", letter.id}, {"cause", to_string(cause)}}});
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
