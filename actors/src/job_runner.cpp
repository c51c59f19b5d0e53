// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "job_places.hpp"
#include "job_run.hpp"
#include "job_threads.hpp"

namespace perdure::actors {

namespace {

Error stopped() { return {.code = ErrorCode::unavailable, .detail = "the server stops"}; }
Error try_later() {
  return {.code = ErrorCode::unavailable, .detail = "the job cannot be written to now"};
}

}  // namespace

/// Runs are found by job and stay. An effect that comes for one that is there already (because the
/// store was opened again, or the job could not be written to) takes the place of its effect.
class JobRunner::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Runtime& runtime, const JobTypes& types, const JobOptions& options)
      : runtime_(runtime), types_(types), options_(options) {
    for (const auto& [name, type] : types_.all()) {
      places_.try_emplace(name, type.concurrency, options_);
    }
  }

  void start();
  void stop();

 private:
  using RunPtr = std::shared_ptr<JobRun>;
  using Key = std::pair<std::string, std::uint64_t>;
  class Performed;

  static Key key_of(const JobStay& stay) { return {stay.job, stay.run}; }

  void perform(const JobType& type, std::shared_ptr<Effect> effect);
  void stop_one(const std::shared_ptr<Effect>& effect);
  /// Begins the runs that get places of the type.
  void give_places(const std::string& type);
  void begin(const RunPtr& run);
  void begun(const RunPtr& run, Result<Reply> reply);
  void work(const RunPtr& run);
  void ended(const RunPtr& run, Result<Json> result);
  void report(const RunPtr& run);
  void reported(const RunPtr& run, Result<Reply> reply);
  /// The run is over, and its place is free.
  void leave(const RunPtr& run, Result<Json> outcome);
  void forget(const RunPtr& run);
  [[nodiscard]] std::vector<RunPtr> working_runs() const;
  void show_progress();

  Runtime& runtime_;
  const JobTypes types_;
  const JobOptions options_;
  JobThreads threads_;

  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::map<Key, RunPtr> runs_;
  std::map<std::string, JobPlaces> places_;      ///< by type
  std::vector<std::shared_ptr<Effect>> parked_;  ///< places of those that the next runner begins
  bool stopping_ = false;
  std::thread progress_thread_;
};

/// A run as the performers of other effects know it.
class JobRunner::Impl::Performed final : public Effect {
 public:
  Performed(std::shared_ptr<Impl> runner, RunPtr run)
      : runner_(std::move(runner)), run_(std::move(run)), job_(run_->job()) {}
  ~Performed() override { finish(fail(ErrorCode::internal, "the performer gave no answer")); }

  [[nodiscard]] const ObjectId& object() const override { return job_; }
  [[nodiscard]] const std::string& owner() const override { return run_->principal().user_id; }
  [[nodiscard]] const std::string& id() const override { return run_->id(); }
  [[nodiscard]] const Json& payload() const override { return run_->payload(); }
  [[nodiscard]] int attempt() const override { return run_->attempt(); }
  [[nodiscard]] bool cancelled() const override { return run_->cancelled(); }
  void on_cancel(std::function<void()> callback) override { run_->on_cancel(std::move(callback)); }
  void tell(std::string command, Json payload) override {
    if (command != "progress" || !payload.is_object()) return;
    const auto number = [&](const char* name) -> std::optional<double> {
      const auto found = payload.find(name);
      if (found == payload.end() || !found->is_number()) return {};
      return found->get<double>();
    };
    const auto message = payload.value("message", Json());
    run_->progress(number("current").value_or(0), number("total"),
                   message.is_string() ? message.get<std::string>() : std::string{});
  }
  void finish(Result<Json> result) override { runner_->ended(run_, std::move(result)); }

 private:
  const std::shared_ptr<Impl> runner_;
  const RunPtr run_;
  const ObjectId job_;
};

void JobRunner::Impl::start() {
  progress_thread_ = std::thread{[this] { show_progress(); }};
  const auto self = shared_from_this();
  for (const auto& [name, type] : types_.all()) {
    runtime_.set_performer(
        performer_of(name),
        [self, &type = type](std::shared_ptr<Effect> effect) {
          self->perform(type, std::move(effect));
        },
        // They take turns here, where owners are known.
        std::numeric_limits<std::size_t>::max());
  }
  runtime_.set_performer(std::string{stopper},
                         [self](const std::shared_ptr<Effect>& effect) { self->stop_one(effect); });
  // Limits may be others than before, and types be back.
  ListRequest request{.kind = std::string{job_queue_kind_name}, .limit = 500};
  do {
    const auto page = runtime_.list(request);
    if (!page) return;
    for (const auto& queue : page->items) {
      runtime_.call({.target = queue.meta.object(), .name = "advance"}, [](const auto&) {});
    }
    request.cursor = page->next_cursor;
  } while (!request.cursor.empty());
}

void JobRunner::Impl::perform(const JobType& type, std::shared_ptr<Effect> effect) {
  const auto stay = effect->payload().get<JobStay>();
  RunPtr unreported;
  {
    const std::scoped_lock lock{mutex_};
    if (stopping_) {
      parked_.push_back(std::move(effect));
      return;
    }
    auto& known = runs_[key_of(stay)];
    if (known == nullptr) {
      known = std::make_shared<JobRun>(stay, type, runtime_, std::move(effect));
      places_.at(stay.type).add(known);
    } else {
      known->set_place(std::move(effect));
      if (known->step != JobRun::Step::unreported) return;
      known->step = JobRun::Step::reporting;
      unreported = known;
    }
  }
  if (unreported) return report(unreported);
  changed_.notify_all();
  give_places(stay.type);
}

void JobRunner::Impl::give_places(const std::string& type) {
  std::unique_lock lock{mutex_};
  auto& places = places_.at(type);
  if (places.is_giving) return;
  places.is_giving = true;
  while (const auto run = places.next()) {
    run->step = JobRun::Step::beginning;
    lock.unlock();
    begin(run);
    lock.lock();
  }
  places.is_giving = false;
}

void JobRunner::Impl::stop_one(const std::shared_ptr<Effect>& effect) {
  RunPtr run;
  {
    const std::scoped_lock lock{mutex_};
    const auto found = runs_.find({effect->payload().at("job"), effect->payload().at("run")});
    if (found != runs_.end()) run = found->second;
  }
  // One that is not here has not begun, and is told when it begins.
  if (run) run->cancel();
  effect->finish(nullptr);
}

void JobRunner::Impl::begin(const RunPtr& run) {
  runtime_.call({.target = run->job(), .name = "begin", .payload = run->stay()},
                [self = shared_from_this(), run](Result<Reply> reply) {
                  self->begun(run, std::move(reply));
                });
}

void JobRunner::Impl::begun(const RunPtr& run, Result<Reply> reply) {
  if (!reply) {
    // A job that is gone needs no place; for one that cannot be written to now, the place waits.
    if (is_busy(reply.error())) return leave(run, fail(try_later()));
    return leave(run, Json(outcome::cancelled));
  }
  if (!reply->value.at("go").get<bool>()) return leave(run, reply->value.at("outcome"));
  run->begin(reply->value);
  bool too_late = false;
  {
    const std::scoped_lock lock{mutex_};
    run->step = JobRun::Step::working;
    too_late = stopping_;
  }
  if (too_late) return ended(run, fail(stopped()));
  const auto self = shared_from_this();
  if (run->type().perform) {
    run->type().perform(std::make_shared<Performed>(self, run));
  } else {
    threads_.run([self, run] { self->work(run); });
  }
}

void JobRunner::Impl::work(const RunPtr& run) {
  Result<Json> result = Json(nullptr);
  try {
    result = run->type().run(*run);
  } catch (const Failure& failure) {
    result = fail(failure.error());
  } catch (const std::exception& thrown) {
    result = fail(ErrorCode::internal, thrown.what());
  } catch (...) {
    result = fail(ErrorCode::internal, "the job's function threw something unknown");
  }
  ended(run, std::move(result));
}

void JobRunner::Impl::ended(const RunPtr& run, Result<Json> result) {
  if (!run->end()) return;
  auto payload = run->outcome_of(std::move(result));
  {
    const std::scoped_lock lock{mutex_};
    if (stopping_ && payload.at("outcome") == outcome::failed) {
      payload["outcome"] = outcome::interrupted;
    }
    run->report = std::move(payload);
    run->step = JobRun::Step::reporting;
  }
  report(run);
}

void JobRunner::Impl::report(const RunPtr& run) {
  runtime_.call({.target = run->job(), .name = "finish", .payload = run->report},
                [self = shared_from_this(), run](Result<Reply> reply) {
                  self->reported(run, std::move(reply));
                });
}

void JobRunner::Impl::reported(const RunPtr& run, Result<Reply> reply) {
  if (reply) return leave(run, std::move(reply->value));
  const auto& error = reply.error();
  if (error.code == ErrorCode::not_found) return leave(run, Json(outcome::cancelled));
  if (!is_busy(error) && run->report.contains("result")) {
    // The job cannot hold its result.
    run->report = {
        {"run", run->stay().run}, {"outcome", outcome::failed}, {"error", job_error(error)}};
    return report(run);
  }
  std::shared_ptr<Effect> place;
  {
    const std::scoped_lock lock{mutex_};
    run->step = JobRun::Step::unreported;
    place = run->place();
  }
  changed_.notify_all();
  // It is performed again in a moment, and then the outcome is reported again.
  if (is_busy(error)) return place->finish(fail(try_later()));
  leave(run, Json(outcome::failed));
}

void JobRunner::Impl::leave(const RunPtr& run, Result<Json> outcome) {
  const auto place = run->place();
  forget(run);
  if (outcome && *outcome == outcome::interrupted) {
    const std::scoped_lock lock{mutex_};
    parked_.push_back(place);
    return;
  }
  place->finish(std::move(outcome));
}

void JobRunner::Impl::forget(const RunPtr& run) {
  {
    const std::scoped_lock lock{mutex_};
    runs_.erase(key_of(run->stay()));
    places_.at(run->stay().type).release(run);
  }
  changed_.notify_all();
  give_places(run->stay().type);
}

std::vector<JobRunner::Impl::RunPtr> JobRunner::Impl::working_runs() const {
  std::vector<RunPtr> working;
  for (const auto& [key, run] : runs_) {
    if (run->step == JobRun::Step::working) working.push_back(run);
  }
  return working;
}

void JobRunner::Impl::show_progress() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !runs_.empty(); });
    if (changed_.wait_for(lock, options_.progress_period, [this] { return stopping_; })) return;
    const auto runs = working_runs();
    lock.unlock();
    for (const auto& run : runs) {
      if (auto progress = run->take_progress()) {
        runtime_.call({.target = run->job(), .name = "progress", .payload = std::move(*progress)},
                      [](const auto&) {});
      }
    }
    lock.lock();
  }
}

void JobRunner::Impl::stop() {
  std::vector<RunPtr> runs;
  std::vector<RunPtr> performed;
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(stopping_, true)) return;
    for (auto& [type, places] : places_) {
      for (const auto& run : places.close()) {
        parked_.push_back(run->place());
        runs_.erase(key_of(run->stay()));
      }
    }
    for (const auto& [key, run] : runs_) {
      runs.push_back(run);
      if (run->type().perform && run->step == JobRun::Step::working) performed.push_back(run);
    }
  }
  changed_.notify_all();
  for (const auto& run : runs) run->cancel();
  // Those that others perform are not waited for: their answers would be of no use.
  for (const auto& run : performed) ended(run, fail(stopped()));
  progress_thread_.join();
  {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] {
      return std::ranges::all_of(
          runs_, [](const auto& one) { return one.second->step == JobRun::Step::unreported; });
    });
  }
  threads_.join();
}

JobRunner::JobRunner(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
JobRunner::~JobRunner() { stop(); }

std::unique_ptr<JobRunner> JobRunner::start(Runtime& runtime, const JobTypes& types,
                                            const JobOptions& options) {
  auto impl = std::make_shared<Impl>(runtime, types, options);
  impl->start();
  return std::unique_ptr<JobRunner>{new JobRunner{std::move(impl)}};
}

void JobRunner::stop() { impl_->stop(); }

}  // namespace perdure::actors
