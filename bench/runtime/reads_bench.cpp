// SPDX-License-Identifier: Apache-2.0
// A store whose reads take 2 ms: what it does to those who read nothing, and how many objects are
// brought into memory a second by 64 callers.
//
//   bench_reads [COLD_OBJECTS]
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/slow_store.hpp"

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int callers = 64;
constexpr auto round_trip = 2ms;
constexpr std::size_t hot_reads = 20'000;

struct Value {
  std::int64_t value = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Value, value)

Kind counter() {
  return kind<Value>("counter")
      .command("add", [](Turn&, Value& self) { return ++self.value; })
      .query("value", [](const Value& self) { return self.value; });
}

std::string cold(std::size_t number) { return "cold" + std::to_string(number); }

class Bench {
 public:
  explicit Bench(std::size_t objects) : objects_(objects) {
    RuntimeOptions options;
    options.store = testing::slow_stores(storage::memory_factory(std::size_t{4} << 30, "bytes"),
                                         [this](const testing::RoundTrip& trip) {
                                           trips_.fetch_add(1);
                                           reads_.fetch_add(trip.reads);
                                           if (is_slow_.load())
                                             std::this_thread::sleep_for(round_trip);
                                         });
    runtime_ = Runtime::open(std::move(options), {counter()}).value();
    call("hot");
    for (std::size_t i = 0; i < objects_; ++i) call(cold(i));
    is_slow_.store(true);
  }

  /// Hibernates the cold objects, and touches each once from 64 callers. Returns how many a second.
  double touch_all() {
    hibernate();
    trips_.store(0);
    reads_.store(0);
    const auto begin = Clock::now();
    each_caller([this](std::size_t number) { call(cold(number)); });
    return static_cast<double>(objects_) /
           std::chrono::duration<double>(Clock::now() - begin).count();
  }
  [[nodiscard]] double reads_a_trip() const {
    return static_cast<double>(reads_.load()) / static_cast<double>(trips_.load());
  }

  /// p50 and p99 of hot reads in microseconds, beside `cold_a_second` touches of cold objects.
  std::pair<double, double> read_hot(std::size_t cold_a_second) {
    if (cold_a_second > 0) hibernate();
    std::atomic<bool> done{false};
    std::vector<std::thread> beside;
    for (int caller = 0; cold_a_second > 0 && caller < callers; ++caller) {
      beside.emplace_back([&, caller] {
        const auto pause = std::chrono::nanoseconds{1s} * callers / cold_a_second;
        auto next = Clock::now() + pause * caller / callers;
        for (auto i = static_cast<std::size_t>(caller); !done.load() && i < objects_;
             i += callers) {
          std::this_thread::sleep_until(next);
          next += pause;
          call(cold(i));
        }
      });
    }
    std::vector<double> took;
    took.reserve(hot_reads);
    for (std::size_t i = 0; i < hot_reads; ++i) {
      const auto begin = Clock::now();
      PERDURE_CHECK(runtime_->object("counter", "hot").ask("value").get(), "a hot read");
      took.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
      std::this_thread::sleep_for(50us);
    }
    done.store(true);
    for (auto& thread : beside) thread.join();
    std::ranges::sort(took);
    return {took[took.size() / 2], took[took.size() * 99 / 100]};
  }

 private:
  void call(const std::string& id) {
    PERDURE_CHECK(runtime_->object("counter", id).call("add").get(), "an addition");
  }
  void hibernate() {
    for (std::size_t i = 0; i < objects_; ++i) {
      PERDURE_CHECK(runtime_->hibernate({"counter", cold(i)}), "nothing is in flight");
    }
  }
  template <class Use>
  void each_caller(const Use& use) {
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> threads;
    for (int caller = 0; caller < callers; ++caller) {
      threads.emplace_back([&] {
        for (auto number = next++; number < objects_; number = next++) use(number);
      });
    }
    for (auto& thread : threads) thread.join();
  }

  const std::size_t objects_;
  std::atomic<bool> is_slow_{false};
  std::atomic<std::size_t> trips_{0};
  std::atomic<std::size_t> reads_{0};
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  const auto objects = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000ULL;
  perdure::Bench bench{objects};
  for (int round = 0; round < 3; ++round) {
    const auto rate = bench.touch_all();
    fmt::print("{} cold objects, 64 callers, reads of 2 ms: {:.0f}/s, {:.1f} reads a round trip\n",
               objects, rate, bench.reads_a_trip());
  }
  for (int round = 0; round < 3; ++round) {
    const auto alone = bench.read_hot(0);
    const auto beside = bench.read_hot(1'000);
    fmt::print(
        "hot reads: p50 {:.1f} us, p99 {:.1f} us; beside 1,000 cold touches a second: p50 {:.1f}, "
        "p99 {:.1f}: {:.2f} of alone\n",
        alone.first, alone.second, beside.first, beside.second, beside.second / alone.second);
  }
}
