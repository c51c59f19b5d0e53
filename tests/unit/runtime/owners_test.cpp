// SPDX-License-Identifier: Apache-2.0
// Owners take turns on the workers, whatever one of them asks for. Real threads; what is counted
// is calls that were served, not time.
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <future>
#include <latch>

#include "fixture.hpp"
#include "perdure/runtime/transaction.hpp"
#include "sliced_actor.hpp"

namespace perdure {
namespace {

using runtime::slice_messages_max;

/// Blocks the one worker until it is opened.
struct Door {
  std::latch entered{1};
  std::latch opened{1};
};

class Owners : public RuntimeTest, public Hooks {
 protected:
  Owners() { open_with(options()); }
  ~Owners() override { runtime_.reset(); }

  void activated(std::string_view) override { ++activated_; }

  void open_with(RuntimeOptions with) {
    runtime_.reset();
    with.hooks = this;
    runtime_ = Runtime::open(with, {door_kind(), look_kind(), counter_kind()}).value();
  }
  Kind door_kind() {
    return kind<Counter>("door").query("wait", [this](const View&, const Counter&) {
      door_.entered.count_down();
      door_.opened.wait();
      return 0;
    });
  }
  Kind look_kind() {
    return kind<Counter>("look")
        .command("begin", [](Turn&, Counter&) {})
        .query("look", [this](const View&, const Counter&, const std::int64_t& milliseconds) {
          if (milliseconds > 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
          }
          return ++looks_;  // how many were served before this one, and it
        });
  }

  void send(
      const Principal& who, ObjectId target, const std::string& query, Json payload,
      ReplyHandler done = [](const auto&) {}) {
    runtime_->call({.target = std::move(target),
                    .type = CallType::query,
                    .name = query,
                    .payload = std::move(payload),
                    .principal = who},
                   std::move(done));
  }
  void begin(const Principal& who, const std::string& id) {
    std::promise<Result<Reply>> done;
    runtime_->call({.target = {"look", id}, .name = "begin", .principal = who},
                   [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
    value(done.get_future().get());
  }
  void look(const Principal& who, const std::string& id, int milliseconds = 0) {
    send(who, {"look", id}, "look", milliseconds);
  }
  /// Has been charged with more than any of bob's turns that the machine interrupted.
  void spend(const Principal& who, const std::string& id) {
    constexpr int milliseconds = 100;
    std::promise<Json> done;
    send(who, {"look", id}, "look", milliseconds,
         [&](const Result<Reply>& reply) { done.set_value(value(reply)); });
    done.get_future().get();
    looks_ = 0;
  }
  /// Keeps the worker until `open`, in the name of somebody else.
  void close() {
    send({}, {"door", "front"}, "wait", nullptr);
    door_.entered.wait();
  }
  /// Which look bob's is, once the worker goes on.
  std::int64_t bob_is_served_as(const std::string& id) {
    std::promise<Json> served;
    send(bob, {"look", id}, "look", 0,
         [&](const Result<Reply>& reply) { served.set_value(value(reply)); });
    door_.opened.count_down();
    return served.get_future().get().get<std::int64_t>();
  }

  Door door_;
  std::atomic<std::int64_t> looks_{0};
  std::atomic<int> activated_{0};
};

TEST_F(Owners, wait_for_one_slice_of_another_whose_mailbox_is_full) {
  begin(ann, "a");
  begin(bob, "b");
  spend(ann, "a");
  close();
  for (int i = 0; i < 1'000; ++i) look(ann, "a");
  EXPECT_LE(bob_is_served_as("b"), static_cast<std::int64_t>(slice_messages_max) + 1);
}

TEST_F(Owners, wait_for_one_call_of_another_whose_calls_take_longer_than_a_slice) {
  begin(ann, "a");
  begin(bob, "b");
  spend(ann, "a");
  close();
  for (int i = 0; i < 100; ++i) look(ann, "a", 5);
  EXPECT_LE(bob_is_served_as("b"), 2);
}

TEST_F(Owners, wait_for_one_object_of_another_who_calls_many) {
  for (int i = 0; i < 100; ++i) begin(ann, "a" + std::to_string(i));
  begin(bob, "b");
  spend(ann, "a0");
  close();
  for (int i = 0; i < 100; ++i) look(ann, "a" + std::to_string(i));
  EXPECT_LE(bob_is_served_as("b"), 2);
}

TEST_F(Owners, take_turns_in_the_name_of_the_caller_while_nothing_is_loaded) {
  close();
  for (int i = 0; i < 100; ++i) look(ann, "a" + std::to_string(i));
  EXPECT_LE(bob_is_served_as("b"), 2);
}

TEST_F(Owners, take_turns_at_loading) {
  close();
  const auto before = activated_.load();
  for (int i = 0; i < 1'000; ++i) send(ann, {"counter", std::to_string(i)}, "$get", nullptr);
  std::promise<int> loaded;
  send(bob, {"counter", "b"}, "$get", nullptr,
       [&](const auto&) { loaded.set_value(activated_ - before); });
  door_.opened.count_down();
  EXPECT_LE(loaded.get_future().get(), 2);
}

TEST_F(Owners, take_turns_with_calls_that_a_transaction_held_back) {
  begin(ann, "a");
  begin(bob, "b");
  std::latch held{1};
  std::latch over{1};
  std::promise<void> done;
  runtime_->transact(
      {{"look", "a"}},
      [&](Transaction&) -> Result<Json> {
        held.count_down();
        over.wait();
        return nullptr;
      },
      {}, [&](const auto&) { done.set_value(); });
  held.wait();
  for (int i = 0; i < 1'000; ++i) look(ann, "a");
  close();  // behind them: they are held by now
  over.count_down();
  EXPECT_LE(bob_is_served_as("b"), static_cast<std::int64_t>(slice_messages_max) + 1);
  done.get_future().wait();
}

TEST_F(Owners, keep_the_order_of_their_calls_over_slices_and_transactions) {
  std::vector<Future<Reply>> replies;
  const auto counter = runtime_->object("counter", "a");
  std::atomic<int> transactions{0};
  for (int i = 0; i < 500; ++i) {
    replies.push_back(counter.call("add", Add{1}));
    if (i % 50 == 0) {
      runtime_->transact(
          {{"counter", "a"}}, [](Transaction&) -> Result<Json> { return nullptr; }, {},
          [&](const auto&) { ++transactions; });
    }
  }
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(value(replies[static_cast<std::size_t>(i)].get()), i + 1);
  }
  EXPECT_TRUE(eventually([&] { return transactions == 10; }));
}

TEST_F(Owners, have_a_share_of_the_calls_in_flight) {
  auto small = options();
  small.in_flight_max = 64;  // 8 for each
  open_with(small);
  close();
  std::atomic<int> refused{0};
  std::atomic<int> answered{0};
  for (int i = 0; i < 20; ++i) {
    send(ann, {"counter", std::to_string(i)}, "$get", nullptr, [&](const Result<Reply>& reply) {
      const bool overloaded = !reply && reply.error().code == ErrorCode::overloaded;
      if (overloaded) {
        EXPECT_TRUE(reply.error().retry_after);
      }
      ++(overloaded ? refused : answered);
    });
  }
  EXPECT_EQ(refused, 12);
  looks_ = 0;
  EXPECT_EQ(bob_is_served_as("b"), 1);
  EXPECT_TRUE(eventually([&] { return answered == 8; }));
  // What was answered has given its place back.
  for (int i = 0; i < 100; ++i) {
    std::promise<ErrorCode> told;
    send(ann, {"counter", std::to_string(i)}, "$get", nullptr,
         [&](const Result<Reply>& reply) { told.set_value(code(reply)); });
    EXPECT_EQ(told.get_future().get(), ErrorCode::not_found);
  }
}

TEST_F(Owners, have_mailboxes_that_strangers_cannot_fill) {
  auto small = options();
  small.mailbox_max = 4;
  open_with(small);
  begin(bob, "b");
  close();
  std::atomic<int> not_found{0};
  for (int i = 0; i < 10; ++i) {
    send(ann, {"look", "b"}, "look", 0, [&](const Result<Reply>& reply) {
      not_found += !reply && reply.error().code == ErrorCode::not_found;
    });
  }
  EXPECT_EQ(not_found, 10) << "they learn at once that there is no such object";
  EXPECT_EQ(bob_is_served_as("b"), 1);
}

#ifndef NDEBUG
/// A slice in which messages do not end.
class Endless : public runtime::SlicedActor {
 public:
  using SlicedActor::SlicedActor;
  [[nodiscard]] OwnerKey owner() const override { return 0; }
  void take(std::size_t messages) {
    for (std::size_t i = 0; i < messages; ++i) count_message();
  }
};
#endif

TEST(SliceDeath, a_slice_that_passes_its_bound_aborts_a_debug_build) {
#ifdef NDEBUG
  GTEST_SKIP() << "this is no debug build";
#else
  caf::actor_system_config config;
  caf::actor_system system{config};
  const auto actor = system.spawn<Endless, caf::lazy_init>();
  auto& endless = *caf::actor_cast<Endless*>(actor);
  endless.take(slice_messages_max);
  EXPECT_DEATH(endless.take(1), "a slice has passed its bound of messages");
#endif
}

}  // namespace
}  // namespace perdure
