// SPDX-License-Identifier: Apache-2.0
#include "app/worker_pool.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <latch>

namespace perdure::api {
namespace {

using testing::ElementsAre;

/// The names of slices, in the order in which they began.
class Course {
 public:
  void add(std::string name) {
    const std::lock_guard lock{mutex_};
    names_.push_back(std::move(name));
  }
  [[nodiscard]] std::vector<std::string> names() const {
    const std::lock_guard lock{mutex_};
    return names_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> names_;
};

/// Takes so many slices; `in_first` is called in the first one, which is not in the course.
class LongTask final : public SlowTask {
 public:
  LongTask(std::string name, int slices, Course& course, std::function<void()> in_first = {})
      : name_(std::move(name)), left_(slices), course_(course), in_first_(std::move(in_first)) {}
  Step step(const Slice& /*slice*/) override {
    if (const auto held = std::exchange(in_first_, {})) {
      held();
    } else {
      course_.add(name_);
    }
    return --left_ > 0 ? Step::again : Step::done;
  }

 private:
  const std::string name_;
  int left_;
  Course& course_;
  std::function<void()> in_first_;
};

/// Keeps a thread until it is let go.
std::function<void()> hold(std::latch& held, std::shared_future<void> let_go) {
  return [&held, let_go = std::move(let_go)] {
    held.count_down();
    let_go.wait();
  };
}

struct WorkerPoolTest : testing::Test {
  static constexpr OwnerKey greedy = 1;
  static constexpr OwnerKey other = 2;
  Course course;
  std::promise<void> go;
  std::shared_future<void> let_go = go.get_future().share();

  /// Each of its threads is in the middle of the first slice of a task of the greedy owner.
  std::unique_ptr<WorkerPool> pool_of(std::size_t threads, std::size_t tasks = 1'000,
                                      std::size_t of_owner = 1'000, int slices = 1) {
    auto pool = std::make_unique<WorkerPool>(
        WorkerPoolOptions{.threads = threads, .tasks_max = tasks, .owner_tasks_max = of_owner});
    std::latch held{static_cast<std::ptrdiff_t>(threads)};
    for (std::size_t i = 0; i < threads; ++i) {
      EXPECT_TRUE(pool->run(
          greedy, std::make_shared<LongTask>("greedy", slices, course, hold(held, let_go))));
    }
    held.wait();
    return pool;
  }
  static void wait_until_idle(const WorkerPool& pool) {
    while (pool.tasks() > 0) std::this_thread::yield();
  }
};

// What is counted: slices of the greedy owner that begin after the other owner's only task came and
// before it begins. The one that each thread is in the middle of is not among them.
void expect_one_slice_a_thread(WorkerPoolTest& test, std::size_t threads) {
  constexpr int slices = 21;
  auto pool = test.pool_of(threads, 1'000, 1'000, slices);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(
        pool->run(WorkerPoolTest::greedy, std::make_shared<LongTask>("greedy", 20, test.course)));
  }
  ASSERT_TRUE(
      pool->run(WorkerPoolTest::other, std::make_shared<LongTask>("other", 1, test.course)));
  test.go.set_value();
  WorkerPoolTest::wait_until_idle(*pool);
  const auto names = test.course.names();
  EXPECT_EQ(names.size(), 100 * 20 + threads * (slices - 1) + 1);
  EXPECT_LT(std::ranges::find(names, "other") - names.begin(),
            static_cast<std::ptrdiff_t>(threads));
}

TEST_F(WorkerPoolTest, serves_another_owner_after_one_slice_of_its_thread) {
  expect_one_slice_a_thread(*this, 1);
}

TEST_F(WorkerPoolTest, serves_another_owner_after_one_slice_of_each_of_its_threads) {
  expect_one_slice_a_thread(*this, 2);
}

TEST_F(WorkerPoolTest, gives_two_owners_of_long_tasks_a_slice_each_in_turn) {
  auto pool = pool_of(1);
  for (const auto owner : {greedy, other}) {
    const std::string name = owner == greedy ? "a" : "b";
    ASSERT_TRUE(pool->run(owner, std::make_shared<LongTask>(name, 3, course)));
  }
  go.set_value();
  wait_until_idle(*pool);
  auto names = course.names();
  // The greedy one was charged for the time that it kept the thread.
  EXPECT_EQ(names.front(), "b");
}

TEST_F(WorkerPoolTest, refuses_an_owner_past_its_bound_and_serves_the_others) {
  auto pool = pool_of(1, 10, 3);  // one of the greedy owner's is under way
  ASSERT_TRUE(pool->run(greedy, [] {}));
  ASSERT_TRUE(pool->run(greedy, [] {}));
  const auto refused = pool->run(greedy, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::rate_limited);
  EXPECT_TRUE(pool->run(other, [] {}));
  go.set_value();
  wait_until_idle(*pool);
  EXPECT_TRUE(pool->run(greedy, [] {}));
}

TEST_F(WorkerPoolTest, refuses_everybody_past_the_bound_of_all) {
  auto pool = pool_of(1, 2, 2);
  ASSERT_TRUE(pool->run(other, [] {}));
  const auto refused = pool->run(3, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::overloaded);
  go.set_value();
}

/// Parks until it was resumed.
class ParkedTask final : public SlowTask {
 public:
  explicit ParkedTask(std::atomic<int>& steps) : steps_(steps) {}
  Step step(const Slice& /*slice*/) override {
    if (++steps_ == 1 && while_running) while_running();
    return steps_ == 1 ? Step::parked : Step::done;
  }
  std::function<void()> while_running;

 private:
  std::atomic<int>& steps_;
};

TEST_F(WorkerPoolTest, a_parked_task_holds_no_thread_but_its_place) {
  std::atomic<int> steps{0};
  auto pool = pool_of(1, 10, 2);
  go.set_value();
  wait_until_idle(*pool);
  const auto task = std::make_shared<ParkedTask>(steps);
  ASSERT_TRUE(pool->run(greedy, task));
  std::promise<void> ran;
  ASSERT_TRUE(pool->run(greedy, [&] { ran.set_value(); }));
  ran.get_future().wait();
  while (pool->tasks() > 1) std::this_thread::yield();
  EXPECT_EQ(steps, 1);
  ASSERT_TRUE(pool->run(greedy, [] {}));  // the second place is free, the first is not
  pool->resume(task);
  wait_until_idle(*pool);
  EXPECT_EQ(steps, 2);
}

TEST_F(WorkerPoolTest, a_task_that_is_resumed_before_it_parks_goes_on) {
  std::atomic<int> steps{0};
  auto pool = pool_of(1);
  go.set_value();
  const auto task = std::make_shared<ParkedTask>(steps);
  task->while_running = [&] { pool->resume(task); };
  ASSERT_TRUE(pool->run(greedy, task));
  wait_until_idle(*pool);
  EXPECT_EQ(steps, 2);
}

TEST_F(WorkerPoolTest, drops_at_its_end_what_is_parked_and_what_would_go_on) {
  std::atomic<int> steps{0};
  auto parked = std::make_shared<ParkedTask>(steps);
  auto endless = std::make_shared<LongTask>("endless", 1'000'000'000, course);
  const std::weak_ptr<SlowTask> first = parked;
  const std::weak_ptr<SlowTask> second = endless;
  auto pool = pool_of(1);
  ASSERT_TRUE(pool->run(greedy, std::move(parked)));
  ASSERT_TRUE(pool->run(greedy, std::move(endless)));
  go.set_value();
  pool.reset();
  EXPECT_TRUE(first.expired());
  EXPECT_TRUE(second.expired());
}

}  // namespace
}  // namespace perdure::api
