// SPDX-License-Identifier: Apache-2.0
// What it costs to wait for a call: by a callback that makes the next call itself, on the thread
// that gives the answers; by one that posts that to a thread of the caller's; by a coroutine there.
//
//   bench_calls DIRECTORY [calls a pass]
//
// 64 chains of calls go on at a time, over 10,000 objects. The three ways take turns, forty
// passes each; a ratio is that of two neighbouring passes, in processor time of the process a call.
#include <sys/resource.h>

#include <atomic>

#include "load.hpp"
#include "perdure/runtime/executor.hpp"
#include "perdure/runtime/task.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;

constexpr int passes = 40;
constexpr std::size_t objects = 10'000;
inline constexpr KindName<Counter> counter_name{"counter"};
inline constexpr Command<Counter, Add, std::int64_t> add_to{"add"};

std::string id_of(std::size_t number) { return fmt::format("warm-{}", number * 7919 % objects); }

double processor_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// The calls of a pass, which its chains share.
class Chains {
 public:
  Chains(Runtime& runtime, std::size_t calls, Executor& executor)
      : runtime_(runtime), calls_(calls), executor_(executor) {}

  void by_callback() {
    const auto number = next_++;
    if (number >= calls_) return end();
    runtime_.call(add(id_of(number)), [this](const Result<Reply>& reply) {
      check(reply.has_value());
      by_callback();
    });
  }
  void by_posted_callback() {
    const auto number = next_++;
    if (number >= calls_) return end();
    runtime_.call(add(id_of(number)), [this](const Result<Reply>& reply) {
      check(reply.has_value());
      executor_.post([this] { by_posted_callback(); });
    });
  }
  Task<int> by_coroutine() {
    for (auto number = next_++; number < calls_; number = next_++) {
      const auto total =
          co_await runtime_.object(counter_name, id_of(number)).on(executor_).call(add_to, {1});
      check(total.has_value());
    }
    end();
    co_return 0;
  }
  void wait() {
    for (auto ended = ended_.load(); ended < in_flight; ended = ended_.load()) ended_.wait(ended);
  }

 private:
  void check(bool went_well) {
    if (!went_well) fmt::print(stderr, "a call failed\n");
  }
  void end() {
    ++ended_;
    ended_.notify_one();
  }

  Runtime& runtime_;
  const std::size_t calls_;
  Executor& executor_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> ended_{0};
};

enum class Way { callback, posted_callback, coroutine };

struct Pass {
  double calls_a_second;
  double processor_us;  ///< of a call
};

Pass pass(Runtime& runtime, std::size_t calls, Way way) {
  ThreadExecutor executor;
  Chains chains{runtime, calls, executor};
  const auto used = processor_seconds();
  const auto start_time = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < in_flight; ++i) {
    switch (way) {
      case Way::callback: chains.by_callback(); break;
      case Way::posted_callback: chains.by_posted_callback(); break;
      case Way::coroutine: start(chains.by_coroutine(), [](int) {}); break;
    }
  }
  chains.wait();
  executor.finish();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_time;
  return {static_cast<double>(calls) / seconds.count(),
          1e6 * (processor_seconds() - used) / static_cast<double>(calls)};
}

void report_pass(std::string_view what, std::vector<double>& rates, std::vector<double>& costs) {
  std::ranges::sort(rates);
  std::ranges::sort(costs);
  fmt::print("{:<44} {:>9.0f}/s  {:>6.2f} us ({:.2f} to {:.2f})\n", what, rates[passes / 2],
             costs[passes / 2], costs.front(), costs.back());
}

void report_ratio(std::string_view what, std::vector<double> ratios) {
  std::ranges::sort(ratios);
  fmt::print("{:<44} {:>9.3f}  ({:.3f} to {:.3f})\n", what, ratios[passes / 2], ratios.front(),
             ratios.back());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_calls DIRECTORY [calls a pass]\n");
    return 2;
  }
  const std::size_t calls = argc > 2 ? std::stoul(argv[2]) : 20'000;
  const auto opened = bench::open(argv[1], {counter()});
  constexpr std::array ways{Way::callback, Way::posted_callback, Way::coroutine};
  std::array<std::vector<double>, 3> rates;
  std::array<std::vector<double>, 3> costs;
  pass(*opened, calls, Way::callback);
  for (int i = 0; i < passes; ++i) {
    for (const auto way : ways) {
      const auto taken = pass(*opened, calls, way);
      rates.at(static_cast<std::size_t>(way)).push_back(taken.calls_a_second);
      costs.at(static_cast<std::size_t>(way)).push_back(taken.processor_us);
    }
  }
  std::vector<double> to_callback;
  std::vector<double> to_posted;
  for (std::size_t i = 0; i < passes; ++i) {
    to_callback.push_back(costs[2][i] / costs[0][i]);
    to_posted.push_back(costs[2][i] / costs[1][i]);
  }
  report_ratio("a coroutine, of a callback that goes on itself", std::move(to_callback));
  report_ratio("a coroutine, of a callback that posts", std::move(to_posted));
  report_pass("callbacks that go on themselves", rates[0], costs[0]);
  report_pass("callbacks that post", rates[1], costs[1]);
  report_pass("coroutines", rates[2], costs[2]);
  return 0;
}
