// SPDX-License-Identifier: Apache-2.0
// Jobs on a real data directory: every promise of perdure/actors/jobs.hpp, also across restarts.
#include "perdure/actors/jobs.hpp"

#include <set>

#include "jobs_fixture.hpp"

namespace perdure::actors {
namespace {

TEST_F(Jobs, give_their_result) {
  const auto id = make({{"type", "echo"}, {"payload", {{"a", 1}}}});
  const auto job = when(id, "succeeded");
  EXPECT_EQ(job["result"], Json({{"a", 1}}));
  EXPECT_EQ(job["attempts"], 1);
  EXPECT_EQ(job["error"], nullptr);
  EXPECT_FALSE(job["expires_at"].is_null());
  EXPECT_EQ(outcomes(id), Json({"succeeded"}));
  EXPECT_EQ(topics_of(id),
            (std::vector<std::string>{"job.created", "job.started", "job.succeeded"}));
}

TEST_F(Jobs, name_what_is_wrong_with_them) {
  const auto refused = [&](Json job) {
    return refusal(send({"job", "bad"}, "create", std::move(job), member("ann")));
  };
  EXPECT_EQ(refused({{"type", "nothing"}}), "invalid /type");
  EXPECT_EQ(refused(Json::object()), "invalid /type");
  EXPECT_EQ(refused({{"type", "sleep"}}), "invalid /payload/ms");
  EXPECT_EQ(refused({{"type", "sleep"}, {"payload", {{"ms", -1}}}}), "invalid /payload/ms");
  EXPECT_EQ(refused({{"type", "export"}, {"payload", {{"kind", "note"}}}}), "invalid /payload/id");
  EXPECT_EQ(refused({{"type", "echo"}, {"cron", "61 * * * *"}}), "invalid /cron");
  EXPECT_EQ(refused({{"type", "echo"}, {"time_zone", "UTC"}}), "invalid /time_zone");
  EXPECT_EQ(refused({{"type", "echo"}, {"cron", "* * * * *"}, {"time_zone", "Mars/X"}}),
            "invalid /time_zone");
  EXPECT_EQ(refused({{"type", "echo"}, {"delay_ms", 1}, {"cron", "* * * * *"}}), "invalid /cron");
  EXPECT_EQ(refused({{"type", "echo"}, {"queue", "a b"}}), "invalid /queue");
  EXPECT_EQ(refused({{"type", "echo"}, {"retry", {{"attempts", 0}}}}), "invalid /retry/attempts");
  EXPECT_EQ(refused({{"type", "echo"}, {"payload", std::string(70'000, 'x')}}), "invalid /payload");
  const auto reply = send({"job", "bad"}, "create", {{"type", "nothing"}}, member("ann"));
  EXPECT_NE(reply.error().detail.find("echo, export"), std::string::npos);
}

TEST_F(Jobs, never_run_more_at_a_time_than_their_type_and_queue_allow) {
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    // Three owners: who has a place already does not get the last one.
    const auto owner = "owner" + std::to_string(i % 3);
    ids.push_back(make({{"type", "wait"}, {"queue", i % 2 == 0 ? "a" : "b"}}, owner));
  }
  ids.push_back(make({{"type", "wait"}, {"queue", "one"}}));
  ASSERT_TRUE(eventually([&] { return running_ == 3; }));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(most_, 3);
  // 3 of the type; the queue has room for 4.
  EXPECT_TRUE(eventually([&] { return tally("a", "wait").running == 3; }));
  // The free place of the queue is for others.
  when(make({{"type", "echo"}, {"queue", "a"}}), "succeeded");
  door_.open();
  for (const auto& id : ids) when(id, "succeeded");
  EXPECT_EQ(most_, 3);
  EXPECT_TRUE(eventually([&] { return tally("a", "wait").succeeded == 6; }));
  EXPECT_TRUE(eventually([&] { return tally("b", "wait").running == 0; }));
}

TEST_F(Jobs, go_by_priority_and_then_by_arrival) {
  const auto first = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  std::vector<std::string> ids;
  const auto add = [&](const char* name, int priority) {
    ids.push_back(make({{"type", "wait"},
                        {"queue", "one"},
                        {"priority", priority},
                        {"payload", {{"name", name}}}}));
  };
  add("low", -5);
  add("plain 1", 0);
  add("high", 5);
  add("plain 2", 0);
  ASSERT_TRUE(eventually([&] { return tally("one", "wait").queued == 4; }));
  door_.open();
  for (const auto& id : ids) when(id, "succeeded");
  EXPECT_EQ(order(), (std::vector<std::string>{"", "high", "plain 1", "plain 2", "low"}));
}

TEST_F(Jobs, are_tried_again_as_their_policy_says) {
  const Json retry{{"attempts", 3}, {"backoff_ms", 1}};
  const auto good = make({{"type", "flaky"}, {"payload", {{"until", 3}}}, {"retry", retry}});
  const auto bad = make({{"type", "flaky"}, {"payload", {{"until", 9}}}, {"retry", retry}});
  const auto final = make({{"type", "refuse"}, {"retry", retry}});
  const auto thrown = make({{"type", "throw"}});
  EXPECT_EQ(when(good, "succeeded")["result"], 3);
  EXPECT_EQ(outcomes(good), Json({"succeeded", "failed", "failed"}));
  EXPECT_EQ(get(good)["error"], nullptr);
  EXPECT_EQ(when(bad, "failed")["attempts"], 3);
  EXPECT_EQ(get(bad)["error"], Json({{"code", "unavailable"}, {"detail", "not yet"}}));
  EXPECT_EQ(when(final, "failed")["attempts"], 1);
  EXPECT_EQ(when(thrown, "failed")["error"]["detail"], "oh");
}

TEST_F(Jobs, leave_who_was_called_alone_for_as_long_as_it_asks_but_no_longer_than_a_day) {
  const auto take = [&] {
    const std::scoped_lock lock{mutex_};
    return std::exchange(effects_, {});
  };
  const auto wait_when_asked = [&](std::chrono::seconds asked) {
    const auto id = make({{"type", "performed"}, {"retry", {{"backoff_ms", 1}}}});
    std::vector<std::shared_ptr<Effect>> taken;
    EXPECT_TRUE(eventually([&] { return !(taken = take()).empty(); }));
    taken.front()->finish(
        fail(Error{.code = ErrorCode::unavailable, .detail = "busy", .retry_after = asked}));
    EXPECT_TRUE(eventually([&] { return get(id)["error"].is_object(); }));
    const auto due = runtime_->alarm({"job", id}, "retry").value();
    EXPECT_TRUE(due && due->wait);
    return due && due->wait ? due->wait->time : 0ms;
  };
  EXPECT_EQ(wait_when_asked(1h), 1h);
  EXPECT_EQ(wait_when_asked(48h), 24h);
}

TEST_F(Jobs, are_cancelled_wherever_they_are) {
  const auto running = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  const auto waiting = make({{"type", "wait"}, {"queue", "one"}});
  const auto later = make({{"type", "echo"}, {"delay_ms", 3'600'000}});
  const auto daily = make({{"type", "echo"}, {"cron", "@daily"}});
  for (const auto& id : {waiting, later, daily}) {
    EXPECT_EQ(command({"job", id}, "cancel")["status"], "cancelled");
  }
  EXPECT_EQ(command({"job", running}, "cancel")["status"], "running");
  EXPECT_FALSE(when(running, "cancelled")["cancel_requested_at"].is_null());
  EXPECT_EQ(running_, 0);
  EXPECT_EQ(outcomes(running), Json({"cancelled"}));
  EXPECT_EQ(command({"job", running}, "cancel")["status"], "cancelled");
  // The place is free, and nobody waits for it.
  door_.open();
  when(make({{"type", "wait"}, {"queue", "one"}}), "succeeded");
  EXPECT_TRUE(eventually([&] { return tally("one", "wait").cancelled == 2; }));
  EXPECT_TRUE(eventually([&] { return tally("one", "wait").queued == 0; }));
  const auto done = make({{"type", "echo"}});
  when(done, "succeeded");
  EXPECT_EQ(refusal(send({"job", done}, "cancel")), "conflict");
}

TEST_F(Jobs, that_do_not_stop_give_their_result_but_a_cron_is_cancelled) {
  const auto once = make({{"type", "stubborn"}});
  const auto daily = make({{"type", "stubborn"}, {"cron", "@daily"}});
  command({"job", daily}, "tick");
  ASSERT_TRUE(eventually([&] { return running_ == 2; }));
  for (const auto& id : {once, daily}) command({"job", id}, "cancel");
  stubborn_done_ = true;
  EXPECT_EQ(when(once, "succeeded")["result"], "done");
  EXPECT_EQ(when(daily, "cancelled")["result"], "done");
  EXPECT_EQ(outcomes(daily), Json({"succeeded"}));
}

TEST_F(Jobs, that_were_cancelled_when_the_server_stopped_are_not_begun_again) {
  const auto id = make({{"type", "stubborn"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  command({"job", id}, "cancel");
  // As a runner says that is going to end.
  EXPECT_EQ(command({"job", id}, "finish", {{"run", 1}, {"outcome", "interrupted"}}), "cancelled");
  EXPECT_EQ(status(id), "cancelled");
}

TEST_F(Jobs, that_take_too_long_are_stopped_and_have_failed) {
  const auto id = make({{"type", "wait"}, {"timeout_ms", 30}, {"retry", {{"attempts", 1}}}});
  EXPECT_EQ(when(id, "failed")["error"]["code"], "deadline_exceeded");
  EXPECT_EQ(running_, 0);
}

TEST_F(Jobs, show_progress_and_keep_their_output) {
  const auto id = make({{"type", "write"}, {"payload", {{"lines", 600}, {"result", "done"}}}});
  const auto job = when(id, "succeeded");
  EXPECT_EQ(job["progress"], Json({{"current", 600.0}, {"total", 600.0}, {"message", "lines"}}));
  EXPECT_EQ(job["output_bytes"], 600 * 1'003);
  std::string output;
  for (const auto& row :
       runtime_->entries({"job", id}, EntryRange::prefix(std::string{job_output_prefix})).value()) {
    output += row.value;
  }
  EXPECT_EQ(output.size(), 600U * 1'003);
  EXPECT_EQ(output.substr(1'000, 3), "ü\n");
}

TEST_F(Jobs, with_a_result_that_is_too_large_fail) {
  const auto id = make({{"type", "echo"}, {"payload", std::string(65'530, 'x')}});
  when(id, "succeeded");
  types_.add("large",
             {.run = [](JobContext&) -> Result<Json> { return std::string(70'000, 'x'); }});
  types_.add("binary", {.run = [](JobContext&) -> Result<Json> { return "\xff\xfe"; }});
  restart();
  EXPECT_EQ(when(make({{"type", "large"}}), "failed")["error"]["code"], "too_large");
  EXPECT_EQ(when(make({{"type", "binary"}}), "failed")["error"]["code"], "validation_failed");
}

TEST_F(Jobs, that_a_stop_cuts_off_are_begun_again) {
  const auto running = make({{"type", "wait"}, {"queue", "one"}});
  const auto waiting = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  closing();
  EXPECT_EQ(running_, 0);
  EXPECT_EQ(status(running), "queued");
  EXPECT_EQ(outcomes(running), Json({"interrupted"}));
  restart();
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  EXPECT_EQ(status(waiting), "queued");
  door_.open();
  EXPECT_EQ(when(running, "succeeded")["result"], Json({{"attempt", 2}}));
  EXPECT_EQ(when(waiting, "succeeded")["attempts"], 1);
  EXPECT_TRUE(eventually([&] { return tally("one", "wait").running == 0; }));
  EXPECT_TRUE(eventually([&] { return tally("one", "wait").succeeded == 2; }));
}

TEST_F(Jobs, of_a_type_that_is_gone_wait_until_it_is_back_and_hold_up_nobody) {
  const auto types = types_;
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  const auto same = make({{"type", "wait"}, {"queue", "one"}});
  const auto other = make({{"type", "echo"}, {"queue", "one"}});
  types_ = {};
  types_.add("echo", *types.find("echo"));
  restart();
  when(other, "succeeded");
  EXPECT_EQ(status(id), "queued");
  EXPECT_EQ(status(same), "queued");
  types_ = types;
  restart();
  door_.open();
  when(id, "succeeded");
  when(same, "succeeded");
}

TEST_F(Jobs, may_be_performed_by_others) {
  const auto good = make({{"type", "performed"}, {"payload", {{"x", 1}}}});
  const auto bad = make({{"type", "performed"}, {"retry", {{"attempts", 1}}}});
  const auto taken = [&](std::size_t count) {
    const std::scoped_lock lock{mutex_};
    return effects_.size() == count;
  };
  ASSERT_TRUE(eventually([&] { return taken(2); }));
  effects_[0]->tell("progress", {{"current", 1}, {"message", "half"}});
  EXPECT_TRUE(eventually([&] { return !get(effects_[0]->id()).at("progress").is_null(); }));
  effects_[0]->finish(Json("done"));
  EXPECT_EQ(when(effects_[0]->id(), "succeeded")["result"], "done");
  command({"job", effects_[1]->id()}, "cancel");
  EXPECT_TRUE(eventually([&] { return effects_[1]->cancelled(); }));
  const auto id = effects_[1]->id();
  effects_.clear();  // nobody answers
  when(id, "cancelled");
  EXPECT_NE(good, bad);
}

TEST_F(Jobs, are_performed_for_their_owners) {
  make({{"type", "performed"}}, "ann");
  make({{"type", "performed"}}, "bob");
  std::set<std::string> owners;
  ASSERT_TRUE(eventually([&] {
    const std::scoped_lock lock{mutex_};
    for (const auto& effect : effects_) owners.insert(effect->owner());
    return effects_.size() == 2;
  }));
  EXPECT_EQ(owners, (std::set<std::string>{"ann", "bob"}));
}

TEST_F(Jobs, wait_for_their_time) {
  const auto id = make({{"type", "echo"}, {"delay_ms", 60}});
  EXPECT_FALSE(get(id)["run_at"].is_null());
  EXPECT_EQ(status(id), "queued");
  const auto job = when(id, "succeeded");
  const auto made =
      parse_rfc3339(format_rfc3339(runtime_->inspect({"job", id}).value().meta.origin->created_at))
          .value();
  EXPECT_GE(parse_rfc3339(job["started_at"].get<std::string>()).value() - made, 60ms);
}

TEST_F(Jobs, by_cron_run_again_and_again_one_at_a_time) {
  const auto id = make({{"type", "wait"}, {"cron", "@daily"}});
  EXPECT_FALSE(get(id)["run_at"].is_null());
  // As its alarm would.
  command({"job", id}, "tick");
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  command({"job", id}, "tick");
  EXPECT_EQ(outcomes(id), Json({"skipped", "running"}));
  door_.open();
  when(id, "queued");
  EXPECT_FALSE(get(id)["finished_at"].is_null());
  EXPECT_FALSE(get(id)["run_at"].is_null());
  EXPECT_TRUE(get(id)["expires_at"].is_null());
  command({"job", id}, "tick");
  EXPECT_TRUE(eventually([&] {
    return outcomes(id) == Json({"succeeded", "skipped", "succeeded"});
  }));
  EXPECT_EQ(command({"job", id}, "cancel")["status"], "cancelled");
}

TEST_F(Jobs, that_are_over_go_for_good_when_they_expire) {
  options_.retention = 50ms;
  restart();
  const auto id = make({{"type", "write"}, {"payload", {{"lines", 1}}}});
  EXPECT_TRUE(eventually([&] { return !runtime_->inspect({"job", id}); }));
  EXPECT_TRUE(eventually([&] { return runtime_->outbox(0, 10).empty(); }));
  EXPECT_FALSE(runtime_->entries({"job", id}, {}));
  EXPECT_TRUE(runtime_->list({.kind = "dead_letter", .index = "created_at"}).value().items.empty());
}

TEST_F(Jobs, that_are_gone_give_their_places_back) {
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  const auto waiting = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  for (const auto& gone : {id, waiting}) {
    value(send({"job", gone}, std::string{builtin::remove}));
    value(send({"job", gone}, std::string{builtin::purge}));
  }
  door_.open();
  when(make({{"type", "wait"}, {"queue", "one"}}), "succeeded");
  EXPECT_TRUE(eventually([&] { return tally("one", "wait").queued == 0; }));
}

TEST_F(Jobs, are_counted_for_each_owner) {
  when(make({{"type", "echo"}}, "ann"), "succeeded");
  when(make({{"type", "echo"}}, "bob"), "succeeded");
  when(make({{"type", "echo"}}, "bob"), "succeeded");
  ASSERT_TRUE(eventually([&] { return tally("default", "echo").succeeded == 3; }));
  EXPECT_EQ(job_tallies(*runtime_, "bob").value()["default"]["echo"].succeeded, 2);
  const auto stats = job_stats(*runtime_, types_, options_, "ann").value();
  EXPECT_EQ(stats["queues"][0]["queue"], "default");
  EXPECT_EQ(stats["queues"][0]["concurrency"], 4);
  EXPECT_EQ(stats["queues"][0]["succeeded"], 1);
}

TEST_F(Jobs, export_an_object_or_all_of_an_owner) {
  value(send({"user", "ann"}, "create", {{"email", "ann@example.org"}}, {}));
  value(send({"notebook", "n"}, "create", {{"title", "Ann's"}}, member("ann")));
  value(send({"notebook", "m"}, "create", {{"title", "Bob's"}}, member("bob")));
  const auto output_of = [&](const std::string& id) {
    std::string text;
    for (const auto& row :
         runtime_->entries({"job", id}, EntryRange::prefix(std::string{job_output_prefix}))
             .value()) {
      text += row.value;
    }
    return text;
  };
  const auto one = make({{"type", "export"}, {"payload", {{"kind", "notebook"}, {"id", "n"}}}});
  when(one, "succeeded");
  std::string file;
  ASSERT_TRUE(
      runtime_->export_object({"notebook", "n"}, {}, [&](std::string_view line) { file += line; }));
  EXPECT_EQ(output_of(one), file);
  const auto others = make({{"type", "export"}, {"payload", {{"kind", "notebook"}, {"id", "m"}}}});
  EXPECT_EQ(when(others, "failed")["error"]["code"], "not_found");
}

}  // namespace
}  // namespace perdure::actors
