// SPDX-License-Identifier: Apache-2.0
// Coroutines that wait for calls, in a simulated world: whatever befalls the server, each goes on
// once.
#include <memory>

#include "calls_fixture.hpp"
#include "perdure/testing/simulation.hpp"

namespace perdure {
namespace {

using namespace std::chrono_literals;

TEST(AwaitedCalls, that_a_crash_cuts_off_end_in_an_error_and_once) {
  testing::World world{1, {purse_kind()}};
  QueueExecutor queue;
  int ends = 0;
  std::optional<Error> error;
  const auto waits = [](Object<Purse> of) -> Task<Result<std::int64_t>> {
    co_return co_await of.call(put, {.count = 1});
  };
  start(waits(world.runtime().object(purse, "a").on(queue)), [&](Result<std::int64_t> end) {
    ++ends;
    if (!end) error = end.error();
  });
  world.run_actors();  // its turn has run, and is not durable
  EXPECT_EQ(queue.run(), 0U);
  world.crash();
  queue.run();
  EXPECT_EQ(ends, 1);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::outcome_unknown);
  world.settle();
  EXPECT_EQ(queue.run(), 0U);
}

TEST(AwaitedCalls, end_at_their_deadline_while_a_sync_is_held) {
  testing::World world{1, {purse_kind()}};
  world.slow_disk(10min);
  auto late = world.runtime().object(purse, "a").within(1s).call(put, {.count = 1});
  for (int i = 0; i < 30 && !late.is_ready(); ++i) {
    world.clock().advance(100ms);
    world.run_actors();
    world.housekeep();
  }
  ASSERT_TRUE(late.is_ready());
  EXPECT_EQ(late.get().error().code, ErrorCode::outcome_unknown);
}

/// Clients that put coins into purses, each in a coroutine: it tries again with the same key until
/// it knows.
class Savers final : public testing::Workload {
 public:
  explicit Savers(std::size_t clients) : clients_(clients) {}

  std::vector<Kind> kinds() override { return {purse_kind()}; }
  void setup() override {
    for (std::size_t i = 0; i < clients_; ++i) {
      start(save("p" + std::to_string(i % 2), i), [this](int count) { ended_ += count; });
    }
  }
  void step() override {
    // A client that was refused waits for its turn here, and not in a loop.
    if (!queue_.run_one() && !refused_.empty() && chance().one_in(10)) {
      auto waiting = std::exchange(refused_, {});
      for (const auto& client : waiting) client.resume();
    }
  }
  bool finished() override { return ended_ == static_cast<int>(clients_); }
  void check() override {
    std::int64_t coins = 0;
    for (const auto* id : {"purse/p0", "purse/p1"}) {
      if (const auto state = world().state(id)) coins += state->at("coins").get<std::int64_t>();
    }
    expect(coins == saved_, "purses hold what was put into them");
    expect(resumed_ == awaited_, "every call that was awaited has ended, and once");
  }

 private:
  static constexpr int puts_each = 12;

  struct Pause {
    std::vector<std::coroutine_handle<>>& waiting;
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> client) { waiting.push_back(client); }
    void await_resume() {}
  };

  Task<int> save(std::string id, std::size_t client) {
    for (int i = 0; i < puts_each;) {
      const auto key = std::to_string(client) + '-' + std::to_string(i);
      ++awaited_;
      // The runtime may be another one after each wait.
      const auto there =
          co_await world().runtime().object(purse, id).on(queue_).once(key).within(20s).call(
              put, {.count = 1});
      ++resumed_;
      if (there) {
        ++i;
        ++saved_;
        continue;
      }
      const bool may_help = describe(there.error().code).retry == Retry::yes ||
                            there.error().code == ErrorCode::corrupt;
      expect(may_help, "a put is refused: " + to_string(there.error()));
      if (!may_help) co_return 1;
      co_await Pause{refused_};
    }
    co_return 1;
  }

  const std::size_t clients_;
  QueueExecutor queue_;
  std::vector<std::coroutine_handle<>> refused_;
  int ended_ = 0;
  std::int64_t saved_ = 0;
  std::uint64_t awaited_ = 0;
  std::uint64_t resumed_ = 0;
};

TEST(AwaitedCalls, go_on_exactly_once_under_faults) {
  const std::vector<testing::WorkloadMaker> makers{
      {"savers", [](std::size_t clients) { return std::make_unique<Savers>(clients); }}};
  const auto report = testing::explore(makers, {.first_seed = 1, .count = 40});
  EXPECT_TRUE(report.failure.empty()) << describe(report);
  EXPECT_GT(report.crashes, 10U);
}

}  // namespace
}  // namespace perdure
