// SPDX-License-Identifier: Apache-2.0
#include "job_run.hpp"

#include <cmath>

#include "perdure/base/utf8.hpp"

namespace perdure::actors {

namespace {

/// Of the output in one entry.
constexpr std::size_t piece_bytes = 256u << 10;
constexpr std::size_t message_bytes_max = 500;

/// Whether it has a text at all: functions are code of others.
bool is_json(const Json& value) {
  try {
    static_cast<void>(value.dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

bool may_try_again(ErrorCode code) {
  return describe(code).retry == Retry::yes || code == ErrorCode::internal;
}

}  // namespace

bool JobRun::cancelled() const {
  const std::scoped_lock lock{mutex_};
  return cancelled_;
}

void JobRun::on_cancel(std::function<void()> callback) {
  {
    const std::scoped_lock lock{mutex_};
    if (!cancelled_) {
      on_cancel_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

void JobRun::cancel() {
  std::vector<std::function<void()>> callbacks;
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(cancelled_, true)) return;
    callbacks = std::move(on_cancel_);
  }
  cancel_.notify_all();
  for (const auto& callback : callbacks) callback();
}

bool JobRun::wait(Milliseconds time) {
  std::unique_lock lock{mutex_};
  return !cancel_.wait_for(lock, time, [this] { return cancelled_; });
}

bool JobRun::end() {
  const std::scoped_lock lock{mutex_};
  on_cancel_.clear();
  return !std::exchange(ended_, true);
}

void JobRun::begin(const Json& begun) {
  payload_ = begun.at("payload");
  attempt_ = begun.at("attempt").get<int>();
  principal_ = {
      .role = begun.at("is_admin").get<bool>() ? Principal::Role::admin : Principal::Role::user,
      .user_id = begun.at("owner").get<std::string>(),
      .scopes = begun.at("scopes").get<std::string>()};
  if (const auto at = parse_rfc3339(begun.at("started_at").get<std::string>())) began_at_ = *at;
}

void JobRun::progress(double current, std::optional<double> total, std::string message) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(0); };
  message.resize(cut_utf8(message, message_bytes_max).size());
  if (!is_valid_utf8(message)) message.clear();
  Json progress{{"current", number(current)},
                {"total", total ? number(*total) : Json(nullptr)},
                {"message", std::move(message)}};
  const std::scoped_lock lock{mutex_};
  progress_ = std::move(progress);
}

std::optional<Json> JobRun::take_progress() {
  const std::scoped_lock lock{mutex_};
  if (progress_.is_null()) return {};
  return Json{{"run", stay_.run}, {"progress", std::exchange(progress_, nullptr)}};
}

Result<void> JobRun::write(std::string_view text) {
  const std::scoped_lock lock{output_mutex_};
  output_ += text;
  return flush(piece_bytes);
}

Result<void> JobRun::flush(std::size_t enough) {
  std::size_t written = 0;
  const std::string_view rest = output_;
  while (rest.size() - written >= enough && written < rest.size()) {
    const auto piece = cut_utf8(rest.substr(written), piece_bytes);
    if (piece.empty() || !is_valid_utf8(piece)) {
      return fail(ErrorCode::invalid, "a job's output is UTF-8");
    }
    PERDURE_TRY_VOID(runtime_
                         .call({.target = job(),
                                .name = "append",
                                .payload = {{"run", stay_.run}, {"text", piece}}})
                         .get());
    written += piece.size();
  }
  output_.erase(0, written);
  return {};
}

Json JobRun::outcome_of(Result<Json> result) {
  if (result) {
    const std::scoped_lock lock{output_mutex_};
    if (auto flushed = flush(0); !flushed) result = fail(std::move(flushed).error());
  }
  if (result && !is_json(*result)) {
    result = fail(ErrorCode::invalid, "the result has text that is not UTF-8");
  }
  Json payload{{"run", stay_.run}};
  if (auto progress = take_progress()) payload["progress"] = progress->at("progress");
  if (result) {
    payload["outcome"] = outcome::succeeded;
    payload["result"] = std::move(*result);
  } else {
    payload["outcome"] = outcome::failed;
    payload["error"] = job_error(result.error());
    payload["retryable"] = may_try_again(result.error().code);
    if (const auto& wait = result.error().retry_after) payload["retry_after_s"] = wait->count();
  }
  return payload;
}

void JobRun::set_place(std::shared_ptr<Effect> place) {
  const std::scoped_lock lock{mutex_};
  place_ = std::move(place);
}

std::shared_ptr<Effect> JobRun::place() const {
  const std::scoped_lock lock{mutex_};
  return place_;
}

}  // namespace perdure::actors
