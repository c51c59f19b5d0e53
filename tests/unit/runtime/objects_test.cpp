// SPDX-License-Identifier: Apache-2.0
// Promises 2, 4, 9 and 12 at the level of the public API.
#include <future>
#include <thread>

#include "fixture.hpp"

namespace perdure {
namespace {

using Objects = RuntimeTest;

TEST_F(Objects, a_command_changes_state_and_a_query_sees_it) {
  EXPECT_EQ(value(call("counter", "a", "add", Add{2})), 2);
  EXPECT_EQ(value(call("counter", "a", "add", Add{3})), 5);
  EXPECT_EQ(value(ask("counter", "a", "value")), 5);
  EXPECT_EQ(value(ask("counter", "untouched", "value")), 0);
}

TEST_F(Objects, what_was_acknowledged_is_there_after_a_restart) {
  value(call("counter", "a", "add", Add{7}));
  value(call("note", "n", "create", Json{{"title", "one"}, {"tags", {"x"}}}));
  value(call("note", "n", "write", Json{{"l1", "first"}, {"l2", "second"}}));
  restart();
  EXPECT_EQ(value(ask("counter", "a", "value")), 7);
  EXPECT_EQ(value(ask("note", "n", "lines")), Json({{"l1", "first"}, {"l2", "second"}}));
}

TEST_F(Objects, a_handler_that_throws_or_refuses_leaves_no_trace) {
  value(call("counter", "a", "add", Add{1}));
  EXPECT_EQ(code(call("counter", "a", "add_then_throw")), ErrorCode::internal);
  EXPECT_EQ(code(call("counter", "a", "add_then_refuse")), ErrorCode::conflict);
  EXPECT_EQ(value(ask("counter", "a", "value")), 1);
  const auto entries = runtime_->entries({"counter", "a"}, {});
  ASSERT_TRUE(entries);
  EXPECT_TRUE(entries->empty());
  EXPECT_EQ(runtime_->inspect({"counter", "a"})->meta.seq, 1U);
}

TEST_F(Objects, a_payload_of_another_shape_is_invalid) {
  EXPECT_EQ(code(call("counter", "a", "add", Json{{"by", "two"}})), ErrorCode::invalid);
  EXPECT_EQ(code(call("counter", "a", "add", Json{{"off", 1}})), ErrorCode::invalid);
}

TEST_F(Objects, a_misfit_is_told_in_words_of_ours) {
  const auto detail = [&](const Json& payload) {
    return runtime_->object("counter", "a").call("add", payload).get().error().detail;
  };
  EXPECT_EQ(detail({{"by", "x"}}), "the payload does not fit: a value is of another type");
  EXPECT_EQ(detail(Json::object()), "the payload does not fit: the member by is missing");
  EXPECT_EQ(detail(nullptr), detail(Json::object())) << "an absent payload is an empty one";
  const auto state = runtime_
                         ->call({.target = {"counter", "b"},
                                 .name = std::string{builtin::create},
                                 .payload = {{"state", {{"value", "x"}}}}})
                         .get();
  EXPECT_EQ(state.error().detail, "no state of kind counter: a value is of another type");
}

TEST_F(Objects, unknown_names_are_not_found_and_bad_ids_invalid) {
  EXPECT_EQ(code(call("nokind", "a", "add")), ErrorCode::not_found);
  EXPECT_EQ(code(call("counter", "a", "nocommand")), ErrorCode::not_found);
  EXPECT_EQ(code(ask("counter", "a", "add")), ErrorCode::not_found);
  EXPECT_EQ(code(call("note", "never-created", "name", "x")), ErrorCode::not_found);
  EXPECT_EQ(code(call("counter", std::string("a\0b", 3), "add")), ErrorCode::invalid);
  EXPECT_EQ(code(call("counter", std::string(201, 'x'), "add")), ErrorCode::invalid);
}

TEST_F(Objects, hibernation_is_invisible) {
  value(call("note", "n", "create", Json{{"title", "one"}}));
  value(call("note", "n", "write", Json{{"l1", "first"}}));
  EXPECT_EQ(runtime_->activity({"note", "n"}), Activity::active);
  ASSERT_TRUE(runtime_->hibernate({"note", "n"}));
  EXPECT_EQ(runtime_->activity({"note", "n"}), Activity::hibernated);
  EXPECT_EQ(value(ask("note", "n", "lines")), Json({{"l1", "first"}}));
  EXPECT_EQ(runtime_->activity({"note", "n"}), Activity::active);
}

TEST_F(Objects, a_watch_follows_the_durable_seq_until_the_object_hibernates) {
  const auto counter = runtime_->object("counter", "watched");
  EXPECT_EQ(runtime_->watch(counter.id()).seq(), std::nullopt);  // not active
  ASSERT_TRUE(counter.call("add", Add{}).get());
  const auto watch = runtime_->watch(counter.id());
  EXPECT_EQ(watch.seq(), 1U);
  ASSERT_TRUE(counter.call("add", Add{}).get());
  EXPECT_EQ(watch.seq(), 2U);
  ASSERT_TRUE(runtime_->hibernate(counter.id()));
  EXPECT_EQ(watch.seq(), std::nullopt);
  ASSERT_TRUE(counter.call("add", Add{}).get());
  EXPECT_EQ(watch.seq(), std::nullopt);  // another activation's
  EXPECT_EQ(runtime_->watch(counter.id()).seq(), 3U);
}

TEST_F(Objects, no_call_is_lost_while_its_object_hibernates_again_and_again) {
  constexpr int callers = 4;
  constexpr int calls = 250;
  std::atomic<bool> done{false};
  std::thread hibernator{[&] {
    while (!done) static_cast<void>(runtime_->hibernate({"counter", "busy"}));
  }};
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < calls; ++n) EXPECT_TRUE(call("counter", "busy", "add", Add{1}));
    });
  }
  for (auto& thread : threads) thread.join();
  done = true;
  hibernator.join();
  EXPECT_EQ(value(ask("counter", "busy", "value")), callers * calls);
}

TEST_F(Objects, calls_without_waiting_keep_their_order) {
  std::vector<Future<Reply>> replies;
  const auto object = runtime_->object("counter", "a");
  for (int i = 0; i < 500; ++i) replies.push_back(object.call("add", Add{1}));
  auto last = object.ask("value");
  for (int i = 0; i < 500; ++i) EXPECT_EQ(value(replies[i].get()), i + 1);
  EXPECT_EQ(value(last.get()), 500);
}

TEST_F(Objects, what_is_on_its_way_to_the_disk_is_seen_however_much_it_is) {
  value(call("note", "a", "create", Json{{"title", "t"}}));
  const auto note = runtime_->object("note", "a");
  std::vector<Future<Reply>> replies;
  std::vector<std::pair<Future<Reply>, Json>> looks;
  Json written = Json::object();
  for (int i = 0; i < 1000; ++i) {
    const auto key = std::to_string(i % 90);  // as many as a look gives, and again
    written[key] = std::to_string(i);
    replies.push_back(note.call("write", Json{{key, std::to_string(i)}}));
    if (i % 50 == 49) looks.emplace_back(note.ask("lines"), written);
  }
  for (auto& [seen, expected] : looks) EXPECT_EQ(value(seen.get()), expected);
  for (auto& reply : replies) EXPECT_TRUE(reply.get());
}

TEST_F(Objects, an_expected_seq_that_is_stale_is_refused) {
  value(call("counter", "a", "add", Add{1}));
  Call stale{.target = {"counter", "a"}, .name = "add", .payload = Add{1}, .if_seq = Seq{0}};
  EXPECT_EQ(code(runtime_->call(stale).get()), ErrorCode::stale_precondition);
  stale.if_seq = 1;
  EXPECT_EQ(value(runtime_->call(stale).get()), 2);
}

TEST_F(Objects, a_deadline_that_has_passed_runs_nothing) {
  Call late{.target = {"counter", "a"},
            .name = "add",
            .payload = Add{1},
            .deadline = SystemClock{}.now() - Milliseconds{1}};
  EXPECT_EQ(code(runtime_->call(late).get()), ErrorCode::deadline_exceeded);
  EXPECT_EQ(value(ask("counter", "a", "value")), 0);
}

TEST_F(Objects, a_root_past_its_limit_is_refused) {
  const Json big{{"title", std::string(limits::root_bytes_max, 'x')}};
  EXPECT_EQ(code(call("note", "n", "create", big)), ErrorCode::too_large);
  const Json lines{{"l", std::string(limits::entry_value_bytes_max + 1, 'x')}};
  value(call("note", "m", "create", Json{{"title", "small"}}));
  EXPECT_EQ(code(call("note", "m", "write", lines)), ErrorCode::too_large);
}

TEST_F(Objects, a_claim_that_is_taken_is_a_conflict_and_later_turns_go_on) {
  value(call("note", "n", "create", Json{{"title", "a"}}));
  value(call("note", "m", "create", Json{{"title", "b"}}));
  value(call("note", "n", "name", "unique"));
  const auto object = runtime_->object("note", "m");
  auto taken = object.call("name", std::string{"unique"});
  auto built_on_it = object.call("write", Json{{"l1", "first"}});
  auto query = object.ask("lines");
  EXPECT_EQ(code(taken.get()), ErrorCode::conflict);
  value(built_on_it.get());
  EXPECT_EQ(value(query.get()), Json({{"l1", "first"}}));
  EXPECT_EQ(runtime_->inspect({"note", "m"})->state["title"], "b");
  EXPECT_EQ(runtime_->holder("note.title", "unique")->value(), (ObjectId{"note", "n"}));
  value(call("note", "n", "name", "other"));
  value(call("note", "m", "name", "unique"));
}

TEST_F(Objects, state_of_a_newer_schema_version_is_refused_and_older_is_upgraded) {
  value(call("counter", "a", "add", Add{1}));
  runtime_.reset();
  const auto upgraded = [] {
    return kind<Note>("counter")
        .schema_version(2)
        .upgrade(1,
                 [](Json old) {
                   return Json{{"title", "was " + old.at("value").dump()}};
                 })
        .command("name", [](Turn&, Note& self, const std::string& name) { self.title = name; })
        .query("title", [](const Note& self) { return self.title; });
  };
  {
    auto newer = Runtime::open(options(), {upgraded()});
    ASSERT_TRUE(newer) << to_string(newer.error());
    EXPECT_EQ(value((*newer)->object("counter", "a").ask("title").get()), "was 1");
    value((*newer)->object("counter", "a").call("name", std::string{"new"}).get());
  }
  open();
  EXPECT_EQ(code(ask("counter", "a", "value")), ErrorCode::newer_version);
  EXPECT_EQ(value(ask("counter", "b", "value")), 0);
}

TEST_F(Objects, a_gap_in_the_upgrade_steps_is_refused_at_open) {
  runtime_.reset();
  auto opened = Runtime::open(
      options(), {kind<Note>("note").schema_version(3).upgrade(1, [](Json old) { return old; })});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid);
}

TEST_F(Objects, stop_finishes_what_was_accepted_and_refuses_the_rest) {
  std::vector<Future<Reply>> replies;
  for (int i = 0; i < 200; ++i) {
    replies.push_back(runtime_->object("counter", std::to_string(i % 7)).call("add", Add{1}));
  }
  runtime_->stop();
  for (auto& reply : replies) EXPECT_TRUE(reply.get());
  EXPECT_EQ(code(call("counter", "a", "add", Add{1})), ErrorCode::unavailable);
}

TEST_F(Objects, end_with_the_runtime_though_a_thread_that_woke_one_lives_on) {
  std::promise<void> called;
  std::promise<void> ended;
  std::thread caller{[&] {
    value(call("counter", "a", "add", {{"by", 1}}));
    called.set_value();
    ended.get_future().wait();
  }};
  called.get_future().wait();
  runtime_.reset();
  ended.set_value();
  caller.join();
}

TEST_F(Objects, what_is_nested_too_deeply_is_refused_and_what_was_taken_is_read_again) {
  const auto nested = [](int depth) {
    Json value = 1;
    while (depth-- > 0) value = Json{{"a", std::move(value)}};
    return value;
  };
  const auto kept = nested(100);  // deeper than a request may be, as its place in a state can be
  value(call("account", "a", "set", kept));
  EXPECT_EQ(code(call("account", "b", "set", nested(200))), ErrorCode::too_large);
  restart();
  EXPECT_EQ(value(ask("account", "a", std::string{builtin::get})), kept);
  runtime_.reset();
  auto deep = Runtime::open(options(), {kind<Json>("deep").command("look", [&](Turn& turn, Json&) {
                              turn.change_nothing();
                              return nested(200);
                            })});
  ASSERT_TRUE(deep) << to_string(deep.error());
  EXPECT_EQ(code((*deep)->object("deep", "d").call("look").get()), ErrorCode::too_large);
}

TEST_F(Objects, replies_are_given_within_what_is_put_around_the_committer) {
  runtime_.reset();
  thread_local bool within = false;
  auto around = options();
  around.around_committer = [](const std::function<void()>& serve) {
    within = true;
    serve();
    within = false;
  };
  auto opened = Runtime::open(std::move(around), kinds_);
  ASSERT_TRUE(opened) << to_string(opened.error());
  std::promise<bool> replied;
  (*opened)->call({.target = {"counter", "a"}, .name = "add", .payload = {{"by", 1}}},
                  [&](Result<Reply> reply) { replied.set_value(reply && within); });
  EXPECT_TRUE(replied.get_future().get());
}

struct Brittle {
  Brittle() { throw std::runtime_error("no state today"); }
};
void to_json(Json& json, const Brittle&) { json = nullptr; }
void from_json(const Json&, Brittle&) {}

class BrittleObjects : public RuntimeTest {
 protected:
  BrittleObjects()
      : RuntimeTest({kind<Brittle>("brittle")
                         .command("touch", [](Turn&, Brittle&) {})
                         .query("look", [](const Brittle&) { return 1; }),
                     counter_kind()}) {}
};

TEST_F(BrittleObjects, whose_state_cannot_be_made_say_so_and_stop_nobody_else) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(code(ask("brittle", "a", "look")), ErrorCode::internal);
    EXPECT_EQ(code(call("brittle", "b", "touch")), ErrorCode::internal);
  }
  value(call("counter", "c", "add", {{"by", 2}}));
  restart();
  EXPECT_EQ(value(ask("counter", "c", "value")), 2);
}

}  // namespace
}  // namespace perdure
