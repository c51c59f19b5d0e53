// SPDX-License-Identifier: Apache-2.0
// Jobs whose state is brought back, or in from elsewhere, without the alarms and messages that went
// with it: they go on from where it says that they are.
#include <future>

#include "jobs_fixture.hpp"

namespace perdure::actors {
namespace {

class SettledJobs : public Jobs {
 protected:
  Result<Reply> builtin(const std::string& id, std::string_view name, Json payload = nullptr) {
    return send({"job", id}, std::string{name}, std::move(payload));
  }
  std::string clone(const std::string& id) {
    const auto copy = "copy-of-" + id;
    std::promise<Result<Reply>> done;
    runtime_->clone_object({"job", id}, {}, {.target = {"job", copy}},
                           [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
    value(done.get_future().get());
    return copy;
  }
  /// The seq at which the job had this status first.
  Seq seq_when(const std::string& id, const std::string& status) {
    for (const auto& record :
         runtime_->journal({"job", id}, 1, 1'000, Order::ascending, 1'000).value()) {
      if (record.state.at("status") == status) return record.seq;
    }
    ADD_FAILURE() << id << " never was " << status;
    return 1;
  }
  std::string run_to_its_end() {
    auto id = make({{"type", "echo"}});
    when(id, "succeeded");
    return id;
  }
  bool all_places_are_free(const std::string& type, const std::string& queue = "default") {
    return eventually([&] {
      const auto now = tally(queue, type);
      return now.running == 0 && now.queued == 0;
    });
  }
};

TEST_F(SettledJobs, run_again_when_they_are_restored_to_when_they_ran_or_waited) {
  const auto id = run_to_its_end();
  for (const auto* status : {"running", "queued"}) {
    value(builtin(id, builtin::restore, {{"seq", seq_when(id, status)}}));
    when(id, "succeeded");
  }
  EXPECT_TRUE(all_places_are_free("echo"));
}

TEST_F(SettledJobs, go_on_from_a_state_that_is_written_by_hand) {
  const auto id = run_to_its_end();
  for (const auto* status : {"running", "queued"}) {
    value(builtin(id, builtin::patch, {{"status", status}}));
    when(id, "succeeded");
    auto state = runtime_->inspect({"job", id})->state;
    state["status"] = status;
    value(builtin(id, builtin::replace, state));
    when(id, "succeeded");
    const auto made = std::string{"made-"} + status;
    value(builtin(made, builtin::create, {{"state", state}}));
    when(made, "succeeded");
  }
  EXPECT_EQ(outcomes(id), Json({"succeeded", "succeeded", "succeeded", "succeeded", "succeeded"}));
  EXPECT_TRUE(all_places_are_free("echo"));
}

TEST_F(SettledJobs, whose_state_of_earlier_is_put_back_go_on_from_it) {
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  const auto running = runtime_->inspect({"job", id})->state;
  door_.open();
  when(id, "succeeded");
  value(builtin(id, builtin::replace, running));
  when(id, "succeeded");
  const auto later = make({{"type", "echo"}, {"delay_ms", 3'600'000}});
  const auto waiting = runtime_->inspect({"job", later})->state;
  command({"job", later}, "cancel");
  value(builtin(later, builtin::replace, waiting));
  EXPECT_TRUE(runtime_->alarm({"job", later}, "start").value());
  EXPECT_EQ(command({"job", later}, "cancel")["status"], "cancelled");
}

TEST_F(SettledJobs, that_are_ended_by_hand_are_stopped) {
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  const auto next = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  for (const auto& job : {next, id}) {
    value(builtin(job, builtin::patch, {{"status", "failed"}}));
    EXPECT_EQ(status(job), "failed");
    EXPECT_TRUE(runtime_->alarm({"job", job}, "expire").value());
  }
  EXPECT_TRUE(eventually([&] { return running_ == 0; }));
  EXPECT_TRUE(all_places_are_free("wait", "one"));
  EXPECT_EQ(outcomes(id), Json({"interrupted"}));
}

TEST_F(SettledJobs, do_not_begin_anew_when_what_is_under_way_stays_the_same) {
  const auto id = make({{"type", "wait"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  value(builtin(id, builtin::patch, {{"error", {{"note", 1}}}}));
  value(builtin(id, builtin::replace, runtime_->inspect({"job", id})->state));
  door_.open();
  when(id, "succeeded");
  EXPECT_EQ(outcomes(id), Json({"succeeded"}));
}

TEST_F(SettledJobs, whose_schedule_is_changed_by_hand_go_by_the_new_one) {
  const auto id = make({{"type", "echo"}, {"cron", "0 0 1 1 *"}});
  const auto before = runtime_->alarm({"job", id}, "start").value();
  value(builtin(id, builtin::patch, {{"cron", "* * * * *"}}));
  const auto after = runtime_->alarm({"job", id}, "start").value();
  ASSERT_TRUE(before && after);
  EXPECT_LT(after->due, before->due);
  EXPECT_EQ(get(id)["run_at"], format_rfc3339(after->due));
  value(builtin(id, builtin::patch, {{"cron", nullptr}}));
  const auto once = runtime_->alarm({"job", id}, "start").value();
  ASSERT_TRUE(once);
  EXPECT_NE(once->spec.schedule.type, Schedule::Type::cron);
  EXPECT_EQ(command({"job", id}, "cancel")["status"], "cancelled");
}

TEST_F(SettledJobs, that_ran_when_they_were_restored_run_once_more_and_not_twice) {
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  value(builtin(id, builtin::restore, {{"seq", 1}}));
  // Its first attempt is stopped, and gives its place to the next.
  ASSERT_TRUE(eventually([&] { return status(id) == "running" && running_ == 1; }));
  EXPECT_EQ(most_, 1);
  door_.open();
  when(id, "succeeded");
  EXPECT_TRUE(all_places_are_free("wait", "one"));
}

TEST_F(SettledJobs, that_are_cloned_while_they_run_run_and_can_be_cancelled) {
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  const auto copy = clone(id);
  EXPECT_EQ(status(copy), "queued");
  const auto other = clone(copy);
  EXPECT_EQ(command({"job", copy}, "cancel")["status"], "cancelled");
  door_.open();
  when(id, "succeeded");
  when(other, "succeeded");
  EXPECT_EQ(outcomes(other), Json({"succeeded", "interrupted"}));
  EXPECT_TRUE(all_places_are_free("wait", "one"));
}

TEST_F(SettledJobs, that_were_deleted_while_they_ran_run_again_when_they_are_back) {
  const auto id = make({{"type", "wait"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  value(builtin(id, builtin::remove));
  door_.open();
  ASSERT_TRUE(all_places_are_free("wait"));
  value(builtin(id, builtin::undelete));
  when(id, "succeeded");
  EXPECT_EQ(outcomes(id), Json({"succeeded", "interrupted"}));
}

TEST_F(SettledJobs, wait_for_their_time_when_they_are_copied) {
  const auto later = make({{"type", "echo"}, {"delay_ms", 3'600'000}});
  const auto daily = make({{"type", "echo"}, {"cron", "@daily"}});
  for (const auto& id : {later, daily}) {
    const auto copy = clone(id);
    const auto alarm = runtime_->alarm({"job", copy}, "start").value();
    ASSERT_TRUE(alarm);
    EXPECT_EQ(format_rfc3339(alarm->due), get(id)["run_at"]);
    EXPECT_EQ(get(copy)["run_at"], get(id)["run_at"]);
  }
}

TEST_F(SettledJobs, that_are_over_expire_when_they_are_copied) {
  const auto copy = clone(run_to_its_end());
  EXPECT_TRUE(runtime_->alarm({"job", copy}, "expire").value());
}

TEST_F(SettledJobs, that_are_not_over_any_more_do_not_expire) {
  const auto id = run_to_its_end();
  value(builtin(id, builtin::restore, {{"seq", 1}}));
  EXPECT_FALSE(get(id)["expires_at"].is_string() && status(id) != "succeeded");
  when(id, "succeeded");
  EXPECT_TRUE(runtime_->alarm({"job", id}, "expire").value());
}

TEST_F(SettledJobs, of_a_new_life_are_no_business_of_a_place_of_the_one_before) {
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return running_ == 1; }));
  value(builtin(id, builtin::remove));
  value(send({"job", id}, "create", {{"type", "wait"}, {"queue", "other"}}));
  ASSERT_TRUE(eventually([&] { return running_ == 2; }));
  door_.open();
  when(id, "succeeded");
  EXPECT_EQ(outcomes(id), Json({"succeeded"}));
  EXPECT_TRUE(all_places_are_free("wait", "one") && all_places_are_free("wait", "other"));
}

TEST_F(SettledJobs, keep_their_queue_from_going_back_and_a_copy_of_it_is_empty) {
  const auto id = make({{"type", "wait"}, {"queue", "one"}});
  make({{"type", "wait"}, {"queue", "one"}});
  ASSERT_TRUE(eventually([&] { return tally("one", "wait").queued == 1; }));
  const ObjectId queue{"job_queue", "one"};
  EXPECT_EQ(refusal(send(queue, std::string{builtin::restore}, {{"seq", 1}})), "invalid ");
  std::promise<Result<Reply>> done;
  runtime_->clone_object(queue, {}, {.target = {"job_queue", "copy"}},
                         [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
  value(done.get_future().get());
  EXPECT_EQ(tally("copy", "wait").queued, 0);
  EXPECT_TRUE(runtime_->entries({"job_queue", "copy"}, {}).value().empty());
  door_.open();
  when(id, "succeeded");
  EXPECT_TRUE(all_places_are_free("wait", "one"));
}

}  // namespace
}  // namespace perdure::actors
