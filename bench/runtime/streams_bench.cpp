// SPDX-License-Identifier: Apache-2.0
// What is not a record each: buffered commands, commands in memory, signals, and streams.
//
//   bench_streams DIRECTORY
//
// Each rate is the median of five rounds, with the least and the greatest.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "load.hpp"
#include "perdure/runtime/lent_thread.hpp"
#include "perdure/runtime/signals.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;
using Clock = std::chrono::steady_clock;

Kind meter() {
  const auto add = [](Turn&, Counter& self) { return ++self.value; };
  return kind<Counter>("meter")
      .command("sync", add)
      .command("buffered", add, {.durability = Durability::buffered})
      .command("memory", add, {.durability = Durability::memory});
}

constexpr std::size_t waiting_max = 2'048;

void print_rates(std::string_view what, std::vector<double> rates) {
  std::ranges::sort(rates);
  fmt::print("{:<52} {:>9.0f}/s  ({:.0f} to {:.0f})\n", what, rates[rates.size() / 2],
             rates.front(), rates.back());
}

/// Calls of one thread, of which at most so many wait.
double call_rate(Runtime& runtime, const std::string& command, std::size_t objects,
                 std::size_t calls) {
  std::atomic<std::size_t> answered{0};
  const auto start = Clock::now();
  for (std::size_t i = 0; i < calls; ++i) {
    while (i - answered.load(std::memory_order_relaxed) >= waiting_max) std::this_thread::yield();
    runtime.call({.target = {"meter", fmt::format("m{}", i % objects)}, .name = command},
                 [&answered](const Result<Reply>& reply) {
                   if (!reply) fmt::print(stderr, "{}\n", to_string(reply.error()));
                   answered.fetch_add(1, std::memory_order_relaxed);
                 });
  }
  while (answered.load() < calls) std::this_thread::yield();
  return static_cast<double>(calls) / std::chrono::duration<double>(Clock::now() - start).count();
}

void measure_calls(Runtime& runtime, const std::string& command, std::size_t objects,
                   std::size_t calls, std::string_view how = "") {
  std::vector<double> rates;
  for (int i = 0; i < rounds; ++i) rates.push_back(call_rate(runtime, command, objects, calls));
  print_rates(fmt::format("{} commands, objects: {}{}", command, objects, how), std::move(rates));
}

void measure_signals(Runtime& runtime, std::size_t listeners) {
  const ObjectId room{"meter", "m0"};
  std::vector<std::unique_ptr<Listener>> all;
  for (std::size_t i = 0; i < listeners; ++i) {
    all.push_back(*runtime.signals().listen(room, {}, {.capacity = 256}, [] {}));
  }
  const std::size_t signals = 2'000'000 / listeners;
  std::vector<double> rates;
  for (int round = 0; round < rounds; ++round) {
    std::size_t heard = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < signals; ++i) {
      static_cast<void>(runtime.signals().send(room, {.name = "typing", .data = "{}"}, {}));
      if (i % 100 != 99 && i + 1 != signals) continue;
      for (auto& listener : all) heard += listener->take()->signals.size();
    }
    const auto took = std::chrono::duration<double>(Clock::now() - start).count();
    if (heard != signals * listeners) fmt::print(stderr, "some were dropped\n");
    rates.push_back(static_cast<double>(heard) / took);
  }
  print_rates(fmt::format("signals taken by {} listeners", listeners), std::move(rates));
}

/// How long tokens take from a writer to a reader on another thread.
class Hearing {
 public:
  Hearing(Runtime& runtime, const ObjectId& run) {
    reader_ = *runtime.streams().follow(run, "answer", {}, {}, [this] {
      const std::scoped_lock lock{mutex_};
      woken_ = true;
      changed_.notify_one();
    });
    thread_ = std::thread{[this] { hear(); }};
  }
  ~Hearing() {
    if (thread_.joinable()) thread_.join();
  }
  std::vector<Clock::time_point> finish() {
    thread_.join();
    return std::move(heard_);
  }

 private:
  void hear() {
    for (;;) {
      const auto items = reader_->read();
      const auto now = Clock::now();
      for (const auto& item : *items) {
        if (item.type == StreamItem::Type::ended) return;
        if (item.type == StreamItem::Type::delta) heard_.push_back(now);
      }
      std::unique_lock lock{mutex_};
      if (items->empty()) changed_.wait(lock, [this] { return woken_; });
      woken_ = false;
    }
  }

  std::unique_ptr<StreamReader> reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::vector<Clock::time_point> heard_;
  std::thread thread_;
};

void measure_stream(Runtime& runtime, std::string_view what, const std::string& id,
                    std::chrono::microseconds between) {
  constexpr std::size_t tokens = 4'000;
  const ObjectId run{"meter", id};
  static_cast<void>(runtime.object("meter", id).call("sync").get());
  Hearing hearing{runtime, run};
  std::vector<Clock::time_point> said;
  const auto start = Clock::now();
  {
    auto writer = *runtime.streams().write(run, "answer", {});
    for (std::size_t i = 0; i < tokens; ++i) {
      while (Clock::now() < start + between * i) std::this_thread::sleep_for(between / 4);
      said.push_back(Clock::now());
      if (!writer->append(" word")) fmt::print(stderr, "a token was refused\n");
    }
    static_cast<void>(writer->end(StreamEnd::done));
  }
  const auto heard = hearing.finish();
  if (heard.size() != tokens) fmt::print(stderr, "{} tokens were heard\n", heard.size());
  std::vector<double> times;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    times.push_back(std::chrono::duration<double, std::milli>(heard[i] - said[i]).count());
  }
  std::ranges::sort(times);
  const auto info = runtime.streams().list(run, {})->at(0);
  fmt::print("{:<52} p50 {:.2f} ms, p99 {:.2f} ms; {} bytes of rows\n", what,
             times[times.size() / 2], times[times.size() * 99 / 100], info.bytes);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_streams DIRECTORY\n");
    return 2;
  }
  const auto opened = open(argv[1], {meter()});
  auto& runtime = *opened;
  for (std::size_t i = 0; i < 1'000; ++i) {
    static_cast<void>(runtime.object("meter", fmt::format("m{}", i)).call("sync").get());
  }
  measure_calls(runtime, "sync", 1'000, 50'000);
  measure_calls(runtime, "buffered", 1, 500'000);
  measure_calls(runtime, "buffered", 100, 500'000);
  measure_calls(runtime, "buffered", 1'000, 500'000);
  measure_calls(runtime, "memory", 1'000, 500'000);
  {
    const LentThread lent;
    measure_calls(runtime, "buffered", 100, 500'000, ", lent");
    measure_calls(runtime, "memory", 1'000, 500'000, ", lent");
  }
  measure_signals(runtime, 1'000);
  measure_signals(runtime, 10);
  measure_stream(runtime, "4,000 tokens of a stream, 1,000 a second", "slow",
                 std::chrono::microseconds{1'000});
  measure_stream(runtime, "4,000 tokens of a stream, as fast as they go", "fast",
                 std::chrono::microseconds{0});
  return 0;
}
