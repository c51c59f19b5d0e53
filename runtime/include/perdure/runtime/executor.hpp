// SPDX-License-Identifier: Apache-2.0
// Executor: where a coroutine goes on once its call is answered.
//
// The threads of the runtime have other things to do: the committer gives everybody's answers. So
// no coroutine runs there; what an answer wakes is posted to an executor, which is the caller's
// choice: an event loop that is there already, a thread, or a queue that the caller works off.
//
//   perdure::ExecutorOf loop{[&](auto work) { boost::asio::post(io, std::move(work)); }};
//
// Limits  An executor is given one piece of work for each coroutine that waits: the frames exist
//         already, so the queue adds a pointer to each.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace perdure {

/// Threads   post, runs_here: any. A thread that answers calls posts: it must not wait.
/// Lifetime  must outlive the calls that name it.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `work` once, soon, and not within this call. Work that is dropped instead is a coroutine
  /// that never goes on.
  virtual void post(std::function<void()> work) = 0;
  /// Whether the calling thread is one of those that run the work: a coroutine there goes on at
  /// once when its answer is there already.
  [[nodiscard]] virtual bool runs_here() const { return false; }
};

/// An executor made of a function that posts, such as that of an event loop.
template <class Post>
class ExecutorOf final : public Executor {
 public:
  explicit ExecutorOf(Post post) : post_(std::move(post)) {}
  void post(std::function<void()> work) override { post_(std::move(work)); }

 private:
  Post post_;
};

/// Threads of its own.
/// Lifecycle  the destructor does what has been posted, and then ends the threads. Not on one of
///            them.
class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(std::size_t threads = 1);
  ~ThreadExecutor() override;
  /// After `finish` the thread that posts does the work itself.
  void post(std::function<void()> work) override;
  [[nodiscard]] bool runs_here() const override;
  /// Does what has been posted, and ends the threads. Not on one of them.
  void finish();

 private:
  void run();

  std::mutex mutex_;  // guards the next three
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool finishing_ = false;
  std::vector<std::thread> threads_;
};

/// A queue that its owner works off: for loops of one's own, and for tests.
/// Threads  post: any; all else: those of the owner.
class QueueExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override;
  /// Does one piece of work. False: there was none.
  bool run_one();
  /// Does what there is, and what that posts. Returns how many pieces.
  std::size_t run();
  /// Does all that is posted until `is_so`; waits for it in between.
  void run_until(const std::function<bool()>& is_so);

 private:
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
};

}  // namespace perdure
