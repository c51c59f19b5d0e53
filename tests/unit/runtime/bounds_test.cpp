// SPDX-License-Identifier: Apache-2.0
// Promise 11: mailboxes, calls in flight and memory are bounded.
#include <latch>
#include <thread>

#include "fixture.hpp"

namespace perdure {
namespace {

// A kind whose command waits until the test lets it go on.
struct Door {
  std::latch entered{1};
  std::latch opened{1};
};

class Bounds : public RuntimeTest {
 protected:
  void open_with(RuntimeOptions options) {
    runtime_.reset();
    Kind slow = kind<Counter>("slow").command("wait", [this](Turn&, Counter& self) {
      if (self.value++ == 0) {
        door_.entered.count_down();
        door_.opened.wait();
      }
      return self.value;
    });
    runtime_ = Runtime::open(std::move(options), {counter_kind(), slow}).value();
  }
  Door door_;
};

TEST_F(Bounds, a_full_mailbox_refuses_and_finishes_what_it_took) {
  auto small = options();
  small.mailbox_max = 8;
  open_with(small);
  std::vector<Future<Reply>> replies;
  const auto object = runtime_->object("slow", "a");
  replies.push_back(object.call("wait"));
  door_.entered.wait();
  for (int i = 0; i < 20; ++i) replies.push_back(object.call("wait"));
  door_.opened.count_down();
  int done = 0;
  int refused = 0;
  for (auto& future : replies) {
    const auto reply = future.get();
    if (reply) {
      ++done;
    } else {
      EXPECT_EQ(reply.error().code, ErrorCode::overloaded);
      EXPECT_TRUE(reply.error().retry_after);
      ++refused;
    }
  }
  EXPECT_EQ(done, 8);
  EXPECT_EQ(refused, 13);
}

TEST_F(Bounds, calls_in_flight_are_bounded_over_all_objects) {
  auto small = options();
  small.in_flight_max = 4;
  open_with(small);
  auto first = runtime_->object("slow", "a").call("wait");
  door_.entered.wait();
  std::vector<Future<Reply>> others;
  for (int i = 0; i < 6; ++i) {
    others.push_back(runtime_->object("counter", std::to_string(i)).call("add", Add{1}));
  }
  int refused = 0;
  door_.opened.count_down();
  for (auto& other : others) refused += other.get() ? 0 : 1;
  EXPECT_EQ(refused, 3);
  EXPECT_TRUE(first.get());
}

TEST_F(Bounds, active_objects_stay_within_the_memory_given) {
  auto small = options();
  small.active_bytes_max = 1u << 20;
  open_with(small);
  for (int i = 0; i < 2'000; ++i) value(call("counter", std::to_string(i), "add", Add{1}));
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (runtime_->stats().active_bytes > small.active_bytes_max &&
         std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  EXPECT_LE(runtime_->stats().active_bytes, small.active_bytes_max);
  EXPECT_GT(runtime_->stats().active_objects, 0U);
  for (int i = 0; i < 2'000; ++i) EXPECT_EQ(value(ask("counter", std::to_string(i), "value")), 1);
}

TEST_F(Bounds, idle_objects_hibernate) {
  auto quick = options();
  quick.hibernate_after = Milliseconds{50};
  open_with(quick);
  for (int i = 0; i < 100; ++i) value(call("counter", std::to_string(i), "add", Add{1}));
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (runtime_->stats().active_objects > 0 && std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  EXPECT_EQ(runtime_->stats().active_objects, 0U);
}

TEST_F(Bounds, history_past_its_bounds_goes_and_pinned_moments_stay) {
  auto small = options();
  small.retention = {.records = 100, .records_max = 200, .age = std::chrono::hours{1}};
  open_with(small);
  for (int i = 0; i < 10; ++i) value(call("counter", "a", "add", Add{1}));
  value(runtime_
            ->call({.target = {"counter", "a"},
                    .name = std::string{builtin::pin},
                    .payload = {{"name", "early"}}})
            .get());
  for (int i = 0; i < 1'100; ++i) value(call("counter", "a", "add", Add{1}));
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (runtime_->inspect({"counter", "a"}, Seq{500}) &&
         std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  EXPECT_EQ(runtime_->inspect({"counter", "a"}, Seq{500}).error().code, ErrorCode::gone);
  EXPECT_EQ(runtime_->inspect({"counter", "a"}, Seq{10})->state["value"], 10);
  EXPECT_EQ(runtime_->inspect({"counter", "a"})->state["value"], 1'110);
}

TEST_F(Bounds, an_object_has_a_bounded_number_of_pins_however_fast_they_come) {
  for (std::size_t i = 0; i <= limits::object_pins_max; ++i) {
    value(call("counter", "a", "add", Add{1}));
  }
  const auto change = [&](std::string_view name, Seq seq) {
    return runtime_->call(
        {.target = {"counter", "a"}, .name = std::string{name}, .payload = {{"seq", seq}}});
  };
  std::vector<Future<Reply>> replies;
  for (Seq seq = 1; seq <= limits::object_pins_max + 1; ++seq) {
    replies.push_back(change(builtin::pin, seq));
  }
  for (Seq seq = 1; seq <= limits::object_pins_max; ++seq) value(replies[seq - 1].get());
  EXPECT_EQ(code(replies.back().get()), ErrorCode::conflict);
  EXPECT_TRUE(change(builtin::pin, 1).get()) << "the same one again";
  value(change(builtin::unpin, 7).get());
  EXPECT_TRUE(change(builtin::pin, limits::object_pins_max + 1).get());
  EXPECT_EQ(code(change(builtin::pin, 7).get()), ErrorCode::conflict);
  EXPECT_EQ(runtime_->snapshots({"counter", "a"})->size(), limits::object_pins_max);
}

TEST_F(Bounds, whoever_comes_too_late_is_told_that_the_runtime_stops) {
  open_with(options());
  runtime_->stop();
  const auto called = runtime_->object("counter", "a").call("add", Add{1}).get();
  ASSERT_FALSE(called);
  EXPECT_EQ(called.error().code, ErrorCode::unavailable);
  std::optional<Result<Reply>> transacted;
  runtime_->transact({{.object = {"counter", "a"}, .command = "add", .payload = {{"by", 1}}}}, {},
                     [&](Result<Reply> reply) { transacted = std::move(reply); });
  ASSERT_TRUE(transacted && !*transacted);
  EXPECT_EQ(transacted->error().code, ErrorCode::unavailable);
  EXPECT_EQ(transacted->error().detail, called.error().detail);
}

}  // namespace
}  // namespace perdure
