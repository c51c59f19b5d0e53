// SPDX-License-Identifier: Apache-2.0
// Turns whose rows are in a store that is elsewhere: they are parked, and run again with them.
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "fixture.hpp"
#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/slow_store.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;

/// Counts round trips by the names of the threads that make them, and can keep them waiting. The
/// runtime's own chores, on threads that may wait, are left alone.
class Trips {
 public:
  void tell(const testing::RoundTrip& trip) {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    if (chores_.contains(name.data())) return;
    std::unique_lock lock{mutex_};
    ++trips_;
    reads_ += trip.reads;
    readers_.insert(name.data());
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_open_; });
    --waiting_;
  }

  void close() { set(false); }
  void open() { set(true); }
  /// Waits until so many round trips are kept.
  void wait_for(std::size_t kept) {
    std::unique_lock lock{mutex_};
    ASSERT_TRUE(changed_.wait_for(lock, 10s, [&] { return waiting_ >= kept; }));
  }
  void forget() {
    const std::scoped_lock lock{mutex_};
    trips_ = 0;
    reads_ = 0;
    readers_.clear();
  }
  std::size_t trips() {
    const std::scoped_lock lock{mutex_};
    return trips_;
  }
  std::size_t reads() {
    const std::scoped_lock lock{mutex_};
    return reads_;
  }
  std::set<std::string> readers() {
    const std::scoped_lock lock{mutex_};
    return readers_;
  }

 private:
  void set(bool open) {
    const std::scoped_lock lock{mutex_};
    is_open_ = open;
    changed_.notify_all();
  }

  const std::set<std::string> chores_{"perdure.agenda", "perdure.house", "perdure.build"};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = true;
  std::size_t waiting_ = 0;
  std::size_t trips_ = 0;
  std::size_t reads_ = 0;
  std::set<std::string> readers_;
};

std::atomic<int> runs{0};

/// Pages whose lines are entries; tasks that refer to them.
Kind page_kind() {
  return kind<Json>("page")
      .command("create", [](Turn&, Json& self, const Json& state) { self = state; },
               {.creates = Creates::yes})
      .command("write",
               [](Turn& turn, Json&, const Json& lines) {
                 for (const auto& [key, value] : lines.items()) {
                   turn.entries().put(key, value.get<std::string>());
                 }
               })
      .command("append",
               [](Turn& turn, Json&, const std::string& text) {
                 ++runs;
                 const auto before = turn.entries().get("line");
                 turn.entries().put("line", (before ? before->value : "") + text);
                 return turn.entries().get("line")->value;
               })
      .command("swallow",
               [](Turn& turn, Json& self) {
                 try {
                   self["line"] = turn.entries().get("line")->value;
                 } catch (...) {
                   self["line"] = "it could not be read";
                 }
                 return self["line"];
               })
      .query("lines",
             [](const View& view, const Json&) {
               Json lines = Json::object();
               for (const auto& entry : view.entries().range({})) lines[entry.key] = entry.value;
               return lines;
             })
      .query("title", [](const Json& self) { return self.value("title", ""); })
      .lists({.filters = {{.name = "title", .field = "title"}}, .sorts = {{.field = "title"}}});
}

Kind task_kind() {
  return kind<Json>("task")
      .command("create", [](Turn&, Json& self, const Json& state) { self = state; },
               {.creates = Creates::yes})
      .reference({.field = "page_id", .kind = "page"})
      .lists({.filters = {{.name = "page_id", .field = "page_id"}}, .sorts = {{.field = "n"}}});
}

RuntimeOptions on_a_slow_store(Trips& trips) {
  RuntimeOptions options;
  options.store =
      testing::slow_stores(storage::memory_factory(1u << 30, "bytes"),
                           [&trips](const testing::RoundTrip& trip) { trips.tell(trip); });
  options.read_threads = 2;
  return options;
}

struct WithTrips {
  Trips trips_;
};

class SlowReads : public WithTrips, public RuntimeTest {
 protected:
  SlowReads()
      : RuntimeTest({counter_kind(), account_kind(), page_kind(), task_kind()},
                    on_a_slow_store(trips_)) {
    trips_.forget();
  }

  Future<Reply> begin(const std::string& object, const std::string& name, Json payload = nullptr) {
    return runtime_->object("page", object).call(name, std::move(payload));
  }
  void sleep(const ObjectId& object) {
    ASSERT_TRUE(eventually([&] { return runtime_->hibernate(object).has_value(); }));
  }
  void sleep_all(const std::string& kind, int count) {
    for (int i = 0; i < count; ++i) sleep({kind, "o" + std::to_string(i)});
  }
};

TEST_F(SlowReads, of_a_cold_object_take_one_round_trip_of_a_thread_that_nobody_waits_for) {
  value(call("counter", "a", "add", {{"by", 2}}));
  sleep({"counter", "a"});
  trips_.forget();
  EXPECT_EQ(value(call("counter", "a", "add", {{"by", 3}})), 5);
  EXPECT_EQ(trips_.trips(), 1u);
  EXPECT_EQ(trips_.readers(), std::set<std::string>{"perdure.fetch"});
  EXPECT_EQ(value(call("counter", "a", "add", {{"by", 1}})), 6);
  EXPECT_EQ(value(ask("counter", "a", "value")), 6);
  EXPECT_EQ(trips_.trips(), 1u) << "what is in memory is not read";
}

TEST_F(SlowReads, of_a_root_for_a_query_take_one_round_trip) {
  value(call("counter", "a", "add", {{"by", 1}}));
  sleep({"counter", "a"});
  trips_.forget();
  EXPECT_EQ(value(ask("counter", "a", "value")), 1);
  EXPECT_EQ(trips_.trips(), 1u);
  EXPECT_EQ(trips_.readers(), std::set<std::string>{"perdure.fetch"});
}

TEST_F(SlowReads, keep_nobody_waiting_who_has_what_he_needs) {
  value(call("counter", "hot", "add", {{"by", 1}}));
  value(call("counter", "cold", "add", {{"by", 1}}));
  sleep({"counter", "cold"});
  trips_.close();
  std::vector<Future<Reply>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(
        runtime_->object("counter", "cold" + std::to_string(i)).call("add", Json{{"by", 1}}));
  }
  waiting.push_back(runtime_->object("counter", "cold").call("add", Json{{"by", 1}}));
  trips_.wait_for(2);
  for (int i = 0; i < 50; ++i) value(call("counter", "hot", "add", {{"by", 1}}));
  EXPECT_EQ(value(ask("counter", "hot", "value")), 51);
  trips_.open();
  for (auto& one : waiting) EXPECT_TRUE(one.get());
  EXPECT_EQ(value(ask("counter", "cold", "value")), 2);
}

TEST_F(SlowReads, that_wait_together_share_a_round_trip) {
  trips_.close();
  std::vector<Future<Reply>> waiting;
  for (int i = 0; i < 202; ++i) {
    waiting.push_back(
        runtime_->object("counter", "c" + std::to_string(i)).call("add", Json{{"by", 1}}));
    if (i < 2) trips_.wait_for(static_cast<std::size_t>(i) + 1);
  }
  ASSERT_TRUE(eventually([&] { return runtime_->stats().in_flight_calls >= 202; }));
  trips_.forget();
  trips_.open();
  for (auto& one : waiting) EXPECT_TRUE(one.get());
  EXPECT_EQ(trips_.reads(), 200u);
  EXPECT_LE(trips_.trips(), 4u);
}

TEST_F(SlowReads, leave_calls_in_their_order) {
  value(call("page", "p", "create", Json::object()));
  value(call("page", "p", "write", {{"line", "0"}}));
  sleep({"page", "p"});
  trips_.close();
  std::vector<Future<Reply>> calls;
  for (int i = 1; i <= 9; ++i) calls.push_back(begin("p", "append", std::to_string(i)));
  trips_.open();
  std::string expected = "0";
  for (int i = 1; i <= 9; ++i) {
    expected += std::to_string(i);
    EXPECT_EQ(value(calls.at(static_cast<std::size_t>(i) - 1).get()), expected);
  }
}

TEST_F(SlowReads, run_a_turn_again_and_let_it_take_effect_once) {
  value(call("page", "p", "create", Json::object()));
  value(call("page", "p", "write", {{"line", "a"}}));
  sleep({"page", "p"});
  runs = 0;
  EXPECT_EQ(value(call("page", "p", "append", "b")), "ab");
  EXPECT_GT(runs.load(), 1);
  EXPECT_EQ(value(ask("page", "p", "lines")), (Json{{"line", "ab"}}));
}

TEST_F(SlowReads, come_to_a_handler_that_swallows_their_absence) {
  value(call("page", "p", "create", Json::object()));
  value(call("page", "p", "write", {{"line", "there"}}));
  sleep({"page", "p"});
  EXPECT_EQ(value(call("page", "p", "swallow")), "there");
}

TEST_F(SlowReads, see_what_turns_before_have_written_and_not_yet_committed) {
  value(call("page", "p", "create", Json::object()));
  std::vector<Future<Reply>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(begin("p", "append", "x"));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(value(calls[i].get()), std::string(i + 1, 'x'));
  }
}

TEST_F(SlowReads, find_the_reply_of_an_idempotency_key_with_the_rows_of_the_turn) {
  const auto once = [&] {
    return runtime_
        ->call({.target = {"counter", "a"},
                .name = "add",
                .payload = {{"by", 5}},
                .principal = ann,
                .idempotency_key = "key"})
        .get();
  };
  EXPECT_EQ(value(once()), 5);
  sleep({"counter", "a"});
  trips_.forget();
  const auto again = once();
  EXPECT_EQ(value(again), 5);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(trips_.trips(), 1u);
  EXPECT_EQ(trips_.readers(), std::set<std::string>{"perdure.fetch"});
  value(run(ann, {"counter", "a"}, "$remove"));
  EXPECT_TRUE(once()->replayed) << "whatever has become of the object";
}

TEST_F(SlowReads, find_a_taken_name) {
  value(call("account", "a", "set", {{"email", "a@x.org"}}));
  EXPECT_EQ(code(call("account", "b", "set", {{"email", "A@x.org"}})), ErrorCode::conflict);
  value(call("account", "c", "set", {{"email", "c@x.org"}}));
}

TEST_F(SlowReads, of_the_turns_of_one_transaction_are_done_for_it) {
  for (const auto* id : {"a", "b"}) value(call("counter", id, "add", {{"by", 10}}));
  sleep({"counter", "a"});
  sleep({"counter", "b"});
  std::promise<Result<Reply>> done;
  runtime_->transact({{.object = {"counter", "a"}, .command = "add", .payload = {{"by", -3}}},
                      {.object = {"counter", "b"}, .command = "add", .payload = {{"by", 3}}}},
                     {}, [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
  EXPECT_TRUE(done.get_future().get());
  EXPECT_EQ(value(ask("counter", "a", "value")), 7);
  EXPECT_EQ(value(ask("counter", "b", "value")), 13);
}

TEST_F(SlowReads, of_a_page_of_a_list_take_three_round_trips) {
  for (int i = 0; i < 30; ++i) {
    const auto n = std::to_string(i);
    value(run(ann, {"page", "p" + n}, "create", {{"title", n}}));
    value(run(ann, {"task", "o" + n}, "create", {{"n", i}, {"page_id", "p" + n}}));
  }
  value(run(ann, {"page", "p3"}, "$remove"));
  for (int i = 0; i < 30; ++i) sleep({"page", "p" + std::to_string(i)});
  sleep_all("task", 30);
  ListRequest sorted{.kind = "task",
                     .owner = "ann",
                     .limit = 20,
                     .sort = "n",
                     .references = ListRequest::References::dead_as_null};
  trips_.forget();
  const auto page = runtime_->list(sorted).value();
  EXPECT_LE(trips_.trips(), 3u) << "rows, objects, and what they refer to";
  ASSERT_EQ(page.items.size(), 20u);
  EXPECT_EQ(page.items[2].state["page_id"], "p2");
  EXPECT_TRUE(page.items[3].state["page_id"].is_null());

  trips_.forget();
  sorted.cursor = page.next_cursor;
  EXPECT_EQ(runtime_->list(sorted)->items.size(), 10u);
  EXPECT_LE(trips_.trips(), 3u) << "the end of the list, too";

  sorted.cursor.clear();
  sorted.whose = ListRequest::Whose::readable;
  trips_.forget();
  EXPECT_EQ(runtime_->list(sorted)->items.size(), 20u);
  EXPECT_LE(trips_.trips(), 3u) << "own ones and shared ones";

  trips_.forget();
  EXPECT_EQ(runtime_->list({.kind = "task", .index = "$owner", .owner = "ann", .limit = 20})
                ->items.size(),
            20u);
  EXPECT_LE(trips_.trips(), 3u) << "of an index";
}

TEST_F(SlowReads, that_are_under_way_are_waited_for_when_the_runtime_stops) {
  value(call("counter", "a", "add", {{"by", 1}}));
  sleep({"counter", "a"});
  trips_.close();
  auto waiting = runtime_->object("counter", "a").call("add", Json{{"by", 1}});
  trips_.wait_for(1);
  std::thread stopping{[&] { runtime_->stop(); }};
  trips_.open();
  stopping.join();
  EXPECT_TRUE(waiting.get());
}

}  // namespace
}  // namespace perdure
