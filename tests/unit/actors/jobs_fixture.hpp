// SPDX-License-Identifier: Apache-2.0
// Types of jobs that tests can hold up, and what they ask of jobs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "fixture.hpp"
#include "perdure/actors/jobs.hpp"

namespace perdure::actors {

using namespace std::chrono_literals;

/// A door that functions of jobs wait at.
class Door {
 public:
  void open() {
    const std::scoped_lock lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }
  /// False when the job was cancelled first.
  bool pass(JobContext& job) {
    job.on_cancel([this] { changed_.notify_all(); });
    std::unique_lock lock{mutex_};
    while (!open_) {
      changed_.wait_for(lock, 5ms);
      if (job.cancelled()) return false;
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

class Jobs : public KindsTest {
 protected:
  Jobs() {
    types_ = built_in_job_types();
    types_.add("wait", {.run = [this](JobContext& job) -> Result<Json> {
                          const auto now = ++running_;
                          int most = most_;
                          while (now > most && !most_.compare_exchange_weak(most, now)) {
                          }
                          note(job.payload().value("name", ""));
                          const bool passed = door_.pass(job);
                          --running_;
                          if (!passed) return fail(ErrorCode::unavailable, "stopped");
                          return Json{{"attempt", job.attempt()}};
                        },
                        .concurrency = 3});
    types_.add("flaky", {.run = [](JobContext& job) -> Result<Json> {
                 if (job.attempt() < job.payload().at("until")) {
                   return fail(ErrorCode::unavailable, "not yet");
                 }
                 return job.attempt();
               }});
    types_.add("refuse", {.run = [](JobContext&) -> Result<Json> {
                 return fail(ErrorCode::invalid, "never");
               }});
    types_.add("throw", {.run = [](JobContext&) -> Result<Json> { throw std::runtime_error("oh"); },
                         .retry = {.attempts = 1}});
    types_.add("write", {.run = [](JobContext& job) -> Result<Json> {
                 for (int i = 0; i < job.payload().at("lines"); ++i) {
                   PERDURE_TRY_VOID(job.write(std::string(1'000, 'x') + "ü\n"));
                   job.progress(i + 1, job.payload().at("lines").get<double>(), "lines");
                 }
                 return job.payload().value("result", Json());
               }});
    // Comes to its end whoever cancels it.
    types_.add("stubborn", {.run = [this](JobContext&) -> Result<Json> {
                 ++running_;
                 while (!stubborn_done_) std::this_thread::sleep_for(2ms);
                 --running_;
                 return "done";
               }});
    types_.add("performed", {.perform = [this](std::shared_ptr<Effect> effect) {
                 const std::scoped_lock lock{mutex_};
                 effects_.push_back(std::move(effect));
               }});
  }

  void TearDown() override {
    door_.open();
    stubborn_done_ = true;
    runner_.reset();
    effects_.clear();
    KindsTest::TearDown();
  }

  std::vector<Kind> more_kinds() override { return job_kinds(types_, options_); }
  void opened() override { runner_ = JobRunner::start(*runtime_, types_, options_); }
  void closing() override { runner_.reset(); }

  std::string make(Json job, const std::string& owner = "ann") {
    const ObjectId id{"job", "job-" + std::to_string(++made_)};
    value(send(id, "create", std::move(job), member(owner)));
    return id.id;
  }
  Json get(const std::string& id) { return query({"job", id}, "get"); }
  std::string status(const std::string& id) { return get(id).at("status"); }
  Json runs(const std::string& id) { return query({"job", id}, "list_runs").at("items"); }
  Json outcomes(const std::string& id) { return pluck(query({"job", id}, "list_runs"), "outcome"); }

  template <class F>
  bool eventually(F&& is_so) {
    for (int i = 0; i < 2'000; ++i) {
      if (is_so()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  /// The job when it has this status.
  Json when(const std::string& id, const std::string& wanted) {
    EXPECT_TRUE(eventually([&] { return status(id) == wanted; })) << get(id).dump(2);
    return get(id);
  }
  JobTally tally(const std::string& queue, const std::string& type) {
    return job_tallies(*runtime_).value()[queue][type];
  }
  void note(const std::string& name) {
    const std::scoped_lock lock{mutex_};
    order_.push_back(name);
  }
  std::vector<std::string> order() {
    const std::scoped_lock lock{mutex_};
    return order_;
  }
  std::vector<std::string> topics_of(const std::string& id) {
    std::vector<std::string> topics;
    EventQuery query;
    query.limit = 10'000;
    for (const auto& event : runtime_->read_events(query).value().events) {
      if (event->source == ObjectId{"job", id}) topics.push_back(event->topic);
    }
    return topics;
  }

  JobTypes types_;
  JobOptions options_{.concurrency = 4, .queue_limits = {{"one", 1}}, .progress_period = 10ms};
  std::unique_ptr<JobRunner> runner_;
  Door door_;
  std::atomic<int> running_{0};
  std::atomic<int> most_{0};
  std::atomic<bool> stubborn_done_{false};
  std::mutex mutex_;  // guards order_, effects_
  std::vector<std::string> order_;
  std::vector<std::shared_ptr<Effect>> effects_;
  int made_ = 0;
};

}  // namespace perdure::actors
