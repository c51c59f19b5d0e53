// SPDX-License-Identifier: Apache-2.0
// LentThread: whose turns run on the caller's thread, and that nothing else changes by it.
#include "perdure/runtime/lent_thread.hpp"

#include <future>
#include <optional>
#include <thread>

#include "fixture.hpp"

namespace perdure {
namespace {

std::atomic<std::thread::id> ran_on;  // the last turn of `work`

/// A counter whose turns take as long as they are told to.
Kind worker_kind() {
  return kind<Counter>("worker")
      .command("work",
               [](Turn&, Counter& self, const std::int64_t& milliseconds) {
                 ran_on = std::this_thread::get_id();
                 if (milliseconds > 0) {
                   std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
                 }
                 return ++self.value;
               })
      .command("refuse",
               [](Turn&, Counter&) -> Result<void> {
                 ran_on = std::this_thread::get_id();
                 return fail(ErrorCode::conflict, "refused");
               })
      .query("look", [](const Counter& self, const std::int64_t& milliseconds) {
        ran_on = std::this_thread::get_id();
        if (milliseconds > 0) std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
        return self.value;
      });
}

/// Any text: its queries do nothing, but what they look at may be large.
Kind text_kind() {
  return kind<Json>("text")
      .command("set",
               [](Turn&, Json& self, const std::size_t& bytes) {
                 ran_on = std::this_thread::get_id();
                 self = {{"text", std::string(bytes, 'x')}};
               })
      .query("look", [](const Json&) {
        ran_on = std::this_thread::get_id();
        return 0;
      });
}

class LentThreads : public RuntimeTest {
 protected:
  LentThreads() : RuntimeTest({worker_kind(), text_kind()}) {
    // Turns of some milliseconds are not quick, however slow the machine.
    auto with = options();
    with.quick_turn_max = std::chrono::milliseconds{2};
    runtime_.reset();
    auto opened = Runtime::open(std::move(with), kinds_);
    PERDURE_CHECK(opened, "it was open just now");
    runtime_ = std::move(*opened);
  }

  /// Whether a turn of so many milliseconds runs on this thread.
  bool runs_here(std::int64_t milliseconds = 0, const std::string& id = "a") {
    value(call("worker", id, "work", milliseconds));
    return ran_on.load() == std::this_thread::get_id();
  }
  /// Whether a query of a quiet object does.
  bool is_asked_here(const std::string& kind, const Json& payload = nullptr) {
    value(runtime_->object(kind, "a").ask("look", payload).get());
    return ran_on.load() == std::this_thread::get_id();
  }
};

TEST_F(LentThreads, run_turns_of_active_objects) {
  EXPECT_FALSE(runs_here()) << "nobody has lent this thread";
  {
    const LentThread lent;
    EXPECT_TRUE(runs_here());
    EXPECT_EQ(value(ask("worker", "a", "$get"))["value"], 2);
  }
  EXPECT_FALSE(runs_here()) << "it is not lent any more";
}

TEST_F(LentThreads, leave_the_first_turn_of_an_object_to_a_worker_that_reads_it) {
  const LentThread lent;
  EXPECT_FALSE(runs_here(0, "new"));
  EXPECT_TRUE(runs_here(0, "new"));
  ASSERT_TRUE(runtime_->hibernate({"worker", "new"}));
  EXPECT_FALSE(runs_here(0, "new"));
}

TEST_F(LentThreads, leave_turns_of_a_slow_kind_to_the_workers_until_it_is_quick_again) {
  const LentThread lent;
  value(call("worker", "a", "work", 0));
  EXPECT_TRUE(runs_here());
  value(call("worker", "slow", "work", 800));  // of 256 turns 3 ms each
  EXPECT_FALSE(runs_here());
  EXPECT_TRUE(eventually([this] { return runs_here(); }));
}

TEST_F(LentThreads, answer_queries_unless_their_kind_is_slow) {
  value(call("worker", "a", "work", 0));
  EXPECT_TRUE(is_asked_here("worker", 800)) << "nobody's thread: who asks may wait";
  const LentThread lent;
  EXPECT_FALSE(is_asked_here("worker", 0));
  EXPECT_TRUE(eventually([this] { return runs_here(); })) << "its commands are as quick as ever";
  EXPECT_TRUE(eventually([this] { return is_asked_here("worker", 0); }));
}

TEST_F(LentThreads, answer_queries_where_turns_are_the_workers) {
  value(call("worker", "a", "work", 0));
  const LentThread lent{Lends::for_queries};
  EXPECT_TRUE(is_asked_here("worker", 0));
  EXPECT_FALSE(runs_here());
  EXPECT_TRUE(is_asked_here("worker", 800));
  EXPECT_FALSE(is_asked_here("worker", 0));
}

TEST_F(LentThreads, leave_large_objects_to_the_workers) {
  const LentThread lent;
  value(call("text", "a", "set", 10));
  EXPECT_TRUE(is_asked_here("text"));
  value(call("text", "a", "set", 20'000));
  EXPECT_TRUE(eventually([this] { return !is_asked_here("text"); }));
  value(call("text", "a", "set", 10));
  EXPECT_NE(ran_on.load(), std::this_thread::get_id());
}

TEST_F(LentThreads, answer_in_the_order_of_the_calls_beside_other_callers) {
  constexpr int calls = 500;
  value(call("worker", "a", "work", 0));
  const auto worker = runtime_->object("worker", "a");
  const auto call_many = [&] {
    std::vector<std::int64_t> replies;
    std::vector<Future<Reply>> waiting;
    for (int i = 0; i < calls; ++i) waiting.push_back(worker.call("work", 0));
    for (auto& reply : waiting) replies.push_back(value(reply.get()).get<std::int64_t>());
    return replies;
  };
  auto other = std::async(std::launch::async, call_many);
  auto lent_too = std::async(std::launch::async, [&] {
    const LentThread lent;
    return call_many();
  });
  std::vector<std::int64_t> all;
  {
    const LentThread lent;
    all = call_many();
  }
  EXPECT_TRUE(std::ranges::is_sorted(all));
  for (auto* replies : {&other, &lent_too}) {
    const auto more = replies->get();
    EXPECT_TRUE(std::ranges::is_sorted(more));
    all.insert(all.end(), more.begin(), more.end());
  }
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i], static_cast<std::int64_t>(i + 2));  // each turn once
  }
  restart();
  EXPECT_EQ(value(ask("worker", "a", "$get"))["value"], 3 * calls + 1);
}

TEST_F(LentThreads, answer_a_refusal_within_the_call) {
  const LentThread lent;
  value(call("worker", "a", "work", 0));
  std::optional<Result<Reply>> refused;
  runtime_->call({.target = {"worker", "a"}, .name = "refuse"},
                 [&](Result<Reply> reply) { refused = std::move(reply); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(code(*refused), ErrorCode::conflict);
  EXPECT_TRUE(runs_here());  // and the object goes on
}

}  // namespace
}  // namespace perdure
