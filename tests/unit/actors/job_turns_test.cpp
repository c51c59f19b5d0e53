// SPDX-License-Identifier: Apache-2.0
// Owners take turns: in a queue, for the places of a type, and in queues of the layout before.
#include "jobs_fixture.hpp"

namespace perdure::actors {
namespace {

/// The kind job_queue as it was before owners took turns, as far as waiting goes.
class OldQueue {
 public:
  static Kind kind(std::size_t places) {
    return perdure::kind<Json>("job_queue")
        .command("enqueue", [places](Turn& turn, Json& self, const Json& stay) {
          OldQueue queue{turn, self};
          queue.enqueue(stay, places);
        });
  }

 private:
  OldQueue(Turn& turn, Json& self) : turn_(turn), self_(self) {
    if (self_.is_null()) self_ = {{"types", Json::object()}, {"next", 1}};
  }

  void enqueue(const Json& stay, std::size_t places) {
    const std::string type = stay.at("type");
    const std::string owner = stay.at("owner");
    auto& tally = self_["types"][type];
    const auto own_key = "owners/" + owner + '/' + type;
    const auto own_entry = turn_.entries().get(own_key);
    Json own = own_entry ? own_entry->json() : Json(JobTally{});
    if (tally.is_null()) tally = JobTally{};
    const bool has_room = tally.at("running") < places;
    const char* what = has_room ? "running" : "queued";
    for (Json* counts : {&tally, &own}) (*counts)[what] = counts->at(what).get<int>() + 1;
    turn_.entries().put_json(own_key, own);
    if (has_room) {
      turn_.request({.performer = "job." + type,
                     .payload = stay,
                     .then = "ended",
                     .context = stay,
                     .retry = {.attempts = 1'000}});
      return;
    }
    const auto number = self_.at("next").get<std::uint64_t>();
    self_["next"] = number + 1;
    const auto rank = (std::int64_t{1} << 32) - stay.at("priority").get<std::int64_t>();
    const auto key = "waiting/" + type + '/' + ordered_key(static_cast<std::uint64_t>(rank)) + '/' +
                     ordered_key(number);
    turn_.entries().put_json(key, stay);
    turn_.entries().put_json("places/" + stay.at("job").get<std::string>(), key);
  }

  Turn& turn_;
  Json& self_;
};

class JobTurns : public Jobs {
 protected:
  JobTurns() {
    // As many as there are places: only queues bound them.
    auto hold = *types_.find("wait");
    hold.concurrency = 1'000;
    types_.add("hold", std::move(hold));
  }
  std::vector<Kind> more_kinds() override {
    auto kinds = Jobs::more_kinds();
    if (is_old_) kinds.back() = OldQueue::kind(1);
    return kinds;
  }
  void opened() override {
    if (!is_old_) Jobs::opened();
  }

  std::string hold(const std::string& owner, const std::string& queue, const std::string& name = "",
                   int priority = 0) {
    return make(
        {{"type", "hold"}, {"queue", queue}, {"priority", priority}, {"payload", {{"name", name}}}},
        owner);
  }
  bool is_running(int count) {
    return eventually([&] { return running_ == count; });
  }
  bool are_queued(const std::string& queue, const std::string& type, int count) {
    return eventually([&] { return tally(queue, type).queued == count; });
  }
  std::string admitted(const std::string& queue, const std::string& owner) {
    const auto result = admit_job(*runtime_, queue, owner);
    return result ? "yes" : std::string{describe(result.error().code).name};
  }

  bool is_old_ = false;
};

TEST(JobShares, leave_places_to_who_comes_next_unless_there_is_only_one) {
  const JobOptions options;
  EXPECT_EQ(options.reserve_of(1), 0U);
  EXPECT_EQ(options.reserve_of(2), 1U);
  EXPECT_EQ(options.reserve_of(16), 2U);
  EXPECT_EQ(options.reserve_of(64), 8U);
  EXPECT_EQ((JobOptions{.reserve_percent = 0}.reserve_of(64)), 0U);
  EXPECT_EQ((JobOptions{.reserve_percent = 50}.reserve_of(2)), 1U);
  EXPECT_EQ(options.share_of(1), 1U);
  EXPECT_EQ(options.share_of(16), 8U);
  EXPECT_EQ((JobOptions{.owner_share_percent = 1}.share_of(16)), 1U);
}

TEST(JobShares, are_a_matter_of_who_waits_and_what_is_free) {
  const JobOptions options;
  // Nobody else waits: all but the reserve.
  EXPECT_GT(options.running_below(16, 3, 1), 13U);
  EXPECT_EQ(options.running_below(16, 2, 1), 1U);
  EXPECT_EQ(options.running_below(16, 3, 2), 8U);
  EXPECT_EQ(options.running_below(16, 1, 2), 1U);
  EXPECT_EQ(options.running_below(1, 1, 2), 1U);
}

TEST_F(JobTurns, of_one_owner_never_take_all_places_of_a_queue) {
  for (int i = 0; i < 10; ++i) hold("ann", "wide");
  ASSERT_TRUE(are_queued("wide", "hold", 7));
  ASSERT_TRUE(is_running(3));
  const auto bobs = hold("bob", "wide");
  ASSERT_TRUE(is_running(4));
  EXPECT_EQ(status(bobs), "running");
  // The last place is taken. Whose job ends first, the next who has none is next.
  const auto first = hold("cho", "wide");
  const auto second = hold("cho", "wide");
  ASSERT_TRUE(are_queued("wide", "hold", 9));
  command({"job", bobs}, "cancel");
  when(first, "running");
  EXPECT_EQ(status(second), "queued");
}

TEST_F(JobTurns, of_one_owner_never_take_all_places_of_a_type_over_all_queues) {
  for (int i = 0; i < 18; ++i) {
    make({{"type", "wait"}, {"queue", "q" + std::to_string(i % 6)}}, "ann");
  }
  ASSERT_TRUE(is_running(2));
  ASSERT_TRUE(eventually([&] {
    std::int64_t placed = 0;
    for (int i = 0; i < 6; ++i) placed += tally("q" + std::to_string(i), "wait").running;
    return placed == 12;
  }));
  EXPECT_EQ(running_, 2);
  when(make({{"type", "wait"}, {"queue", "q0"}}, "bob"), "running");
  ASSERT_TRUE(is_running(3));  // it says so before its thread has begun
  EXPECT_EQ(most_, 3);
}

TEST_F(JobTurns, go_from_owner_to_owner) {
  hold("ann", "one", "held");
  ASSERT_TRUE(is_running(1));
  std::vector<std::string> ids;
  for (const auto* name : {"a1", "a2", "a3", "a4"}) ids.push_back(hold("ann", "one", name));
  for (const auto* name : {"b1", "b2"}) ids.push_back(hold("bob", "one", name));
  ids.push_back(hold("cho", "one", "c1"));
  ASSERT_TRUE(are_queued("one", "hold", 7));
  EXPECT_EQ(job_stats(*runtime_, types_, options_).value()["queues"][0]["owners_waiting"], 3);
  door_.open();
  for (const auto& id : ids) when(id, "succeeded");
  EXPECT_EQ(order(), (std::vector<std::string>{"held", "a1", "b1", "c1", "a2", "b2", "a3", "a4"}));
  EXPECT_EQ(job_stats(*runtime_, types_, options_).value()["queues"][0]["owners_waiting"], 0);
}

TEST_F(JobTurns, do_not_depend_on_the_priority_of_other_owners_jobs) {
  hold("ann", "one", "held");
  ASSERT_TRUE(is_running(1));
  std::vector<std::string> ids;
  for (const auto* name : {"a1", "a2", "a3"}) ids.push_back(hold("ann", "one", name, 1'000));
  ids.push_back(hold("bob", "one", "low", -1'000));
  ids.push_back(hold("bob", "one", "high", 1));
  ASSERT_TRUE(are_queued("one", "hold", 5));
  door_.open();
  for (const auto& id : ids) when(id, "succeeded");
  EXPECT_EQ(order(), (std::vector<std::string>{"held", "a1", "high", "a2", "low", "a3"}));
}

TEST_F(JobTurns, are_kept_through_a_restart) {
  for (int i = 0; i < 6; ++i) hold("ann", "wide", "ann");
  hold("bob", "one", "held");
  ASSERT_TRUE(is_running(4));
  std::vector<std::string> ids{hold("bob", "one", "b1"), hold("bob", "one", "b2"),
                               hold("cho", "one", "c1")};
  ASSERT_TRUE(are_queued("one", "hold", 3));
  restart();
  ASSERT_TRUE(is_running(4));
  when(hold("cho", "wide"), "running");
  door_.open();
  for (const auto& id : ids) when(id, "succeeded");
  EXPECT_TRUE(eventually([&] { return tally("wide", "hold").running == 0; }));
  std::vector<std::string> in_one;
  for (const auto& name : order()) {
    if (name.size() == 2) in_one.push_back(name);
  }
  EXPECT_EQ(in_one, (std::vector<std::string>{"b1", "c1", "b2"}));
}

TEST_F(JobTurns, pass_over_what_was_cancelled) {
  hold("ann", "one", "held");
  ASSERT_TRUE(is_running(1));
  std::vector<std::string> ids;
  for (const auto* name : {"a1", "a2", "a3"}) ids.push_back(hold("ann", "one", name));
  const auto bobs = hold("bob", "one", "b1");
  ids.push_back(hold("cho", "one", "c1"));
  ASSERT_TRUE(are_queued("one", "hold", 5));
  for (const auto& id : {ids[0], ids[1], bobs}) command({"job", id}, "cancel");
  ASSERT_TRUE(are_queued("one", "hold", 2));
  door_.open();
  for (const auto& id : {ids[2], ids[3]}) when(id, "succeeded");
  EXPECT_EQ(order(), (std::vector<std::string>{"held", "a3", "c1"}));
  // Of who has nothing there, nothing is left.
  const ObjectId queue{"job_queue", "one"};
  for (const auto* prefix : {"turns/", "stays/", "line/", "places/"}) {
    EXPECT_TRUE(eventually([&] {
      return runtime_->entries(queue, EntryRange::prefix(prefix)).value().empty();
    })) << prefix;
  }
}

TEST_F(JobTurns, begin_in_queues_that_were_written_before_there_were_turns) {
  closing();
  is_old_ = true;
  restart();
  // More than one turn moves, and one that has a place.
  constexpr int anns = 1'100;
  std::vector<std::string> ids{hold("ann", "one", "held")};
  ASSERT_TRUE(eventually([&] { return runtime_->inspect({"job_queue", "one"}).has_value(); }));
  for (int i = 1; i <= anns; ++i) ids.push_back(hold("ann", "one", "ann"));
  const auto high = hold("ann", "one", "high", 7);
  ids.push_back(high);
  for (const auto* name : {"b1", "b2"}) ids.push_back(hold("bob", "one", name));
  ASSERT_TRUE(eventually([&] {
    return runtime_->inspect({"job_queue", "one"}).value().state["types"]["hold"]["queued"] ==
           anns + 3;
  }));
  EXPECT_EQ(runtime_->inspect({"job_queue", "one"}).value().meta.schema_version, 1U);
  is_old_ = false;
  restart();
  ASSERT_TRUE(is_running(1));
  ASSERT_TRUE(eventually([&] {
    return runtime_->inspect({"job_queue", "one"}).value().state["moving"].is_null();
  }));
  const auto cancelled = ids[1];
  EXPECT_EQ(command({"job", cancelled}, "cancel")["status"], "cancelled");
  ASSERT_TRUE(are_queued("one", "hold", anns + 2));
  door_.open();
  ASSERT_TRUE(eventually([&] { return tally("one", "hold").succeeded == anns + 3; }));
  EXPECT_EQ(tally("one", "hold").running, 0);
  EXPECT_EQ(tally("one", "hold").queued, 0);
  const auto began = order();
  // Ann has served already; within her jobs the priority is as it was.
  EXPECT_EQ((std::vector<std::string>{began.begin(), began.begin() + 6}),
            (std::vector<std::string>{"held", "high", "b1", "ann", "b2", "ann"}));
  const auto rest = runtime_->entries({"job_queue", "one"}, EntryRange::prefix("waiting/"));
  EXPECT_TRUE(rest.value().empty());
}

TEST_F(JobTurns, are_not_given_to_more_jobs_than_an_owner_or_all_may_queue) {
  options_.owner_queued_max = 3;
  options_.queued_max = 5;
  restart();
  EXPECT_EQ(admitted("one", "ann"), "not_found");
  hold("ann", "one");
  ASSERT_TRUE(is_running(1));
  for (int i = 0; i < 2; ++i) hold("ann", "one");
  ASSERT_TRUE(are_queued("one", "hold", 2));
  EXPECT_EQ(admitted("one", "ann"), "yes");
  const auto last = hold("ann", "one");
  ASSERT_TRUE(are_queued("one", "hold", 3));
  EXPECT_EQ(admitted("one", "ann"), "rate_limited");
  EXPECT_EQ(admit_job(*runtime_, "one", "ann").error().retry_after, 10s);
  EXPECT_EQ(admitted("one", "bob"), "yes");
  for (int i = 0; i < 2; ++i) hold("bob", "one");
  ASSERT_TRUE(are_queued("one", "hold", 5));
  EXPECT_EQ(admitted("one", "bob"), "overloaded");
  command({"job", last}, "cancel");
  ASSERT_TRUE(are_queued("one", "hold", 4));
  EXPECT_EQ(admitted("one", "ann"), "yes");
  hold("ann", "one");
  ASSERT_TRUE(are_queued("one", "hold", 5));
  // The bounds of today, not those of when the jobs came.
  options_.owner_queued_max = 100;
  options_.queued_max = 1'000;
  restart();
  EXPECT_TRUE(eventually([&] { return admitted("one", "ann") == "yes"; }));
}

TEST_F(JobTurns, are_in_as_many_queues_as_an_owner_and_all_of_them_may_begin) {
  const auto begin = [&](const std::string& owner, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      make({{"type", "echo"}, {"queue", owner + "-" + std::to_string(i)}}, owner);
    }
  };
  const auto refusal_of = [&](const std::string& owner) {
    const auto result = admit_job_queue(*runtime_, owner);
    return result ? "none" : result.error().fields.at(0).pointer + ' ' + result.error().detail;
  };
  begin("owner0", job_owner_queues_max - 1);
  ASSERT_TRUE(eventually([&] { return tally("owner0-98", "echo").succeeded == 1; }));
  EXPECT_EQ(refusal_of("owner0"), "none");
  begin("owner0", job_owner_queues_max);
  ASSERT_TRUE(eventually([&] { return tally("owner0-99", "echo").succeeded == 1; }));
  EXPECT_NE(refusal_of("owner0").find("your jobs began 100 already"), std::string::npos);
  EXPECT_EQ(refusal_of("owner1"), "none");
  for (int i = 1; i < 10; ++i) begin("owner" + std::to_string(i), job_owner_queues_max);
  ASSERT_TRUE(eventually([&] { return tally("owner9-99", "echo").succeeded == 1; }));
  EXPECT_NE(refusal_of("zoe").find("there are 1000 already"), std::string::npos);
}

}  // namespace
}  // namespace perdure::actors
