// SPDX-License-Identifier: Apache-2.0
// The runtime without a socket: durable increments, reads, first touch, and memory of an object.
//
//   bench_runtime DIRECTORY [objects]
//
// 64 calls are in flight at any time, as from 64 connections. Each figure is the median of five
// rounds; the spread is their least and greatest.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>

#include "perdure/runtime/runtime.hpp"

namespace {

using namespace perdure;

struct Counter {
  std::int64_t value = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Counter, value)

struct Add {
  std::int64_t by = 1;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Add, by)

Kind counter() {
  return kind<Counter>("counter")
      .command("add", [](Turn&, Counter& self, const Add& add) { return self.value += add.by; })
      .query("value", [](const Counter& self) { return self.value; });
}

constexpr std::size_t in_flight = 64;
constexpr int rounds = 5;

using MakeCall = std::function<Call(std::size_t)>;

/// Keeps `in_flight` calls going until `count` are answered; gives calls per second.
double rate(Runtime& runtime, std::size_t count, const MakeCall& make) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t waiting = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    {
      std::unique_lock lock{mutex};
      changed.wait(lock, [&] { return waiting < in_flight; });
      ++waiting;
    }
    runtime.call(make(i), [&](Result<Reply> reply) {
      if (!reply) fmt::print(stderr, "{}\n", to_string(reply.error()));
      const std::scoped_lock lock{mutex};
      --waiting;
      changed.notify_one();
    });
  }
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return waiting == 0; });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return static_cast<double>(count) / seconds.count();
}

void report(std::string_view what, Runtime& runtime, std::size_t count, const MakeCall& make) {
  std::vector<double> rates;
  for (int i = 0; i < rounds; ++i) rates.push_back(rate(runtime, count, make));
  std::ranges::sort(rates);
  fmt::print("{:<44} {:>9.0f}/s  ({:.0f} to {:.0f})\n", what, rates[rounds / 2], rates.front(),
             rates.back());
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::ifstream file{"/proc/self/statm"};
  std::size_t pages = 0;
  std::size_t resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

Call add(std::string id) {
  return {.target = {"counter", std::move(id)}, .name = "add", .payload = Add{1}};
}
Call value(std::string id) {
  return {.target = {"counter", std::move(id)}, .type = CallType::query, .name = "value"};
}

void measure_memory(Runtime& runtime, std::size_t objects) {
  const auto before = resident_bytes();
  rate(runtime, objects, [](std::size_t i) { return value(fmt::format("cold-{}", i)); });
  const auto active = resident_bytes();
  fmt::print("{:<44} {:>9} B\n", "memory of an idle active object", (active - before) / objects);
  for (std::size_t i = 0; i < objects; ++i) {
    static_cast<void>(runtime.hibernate({"counter", fmt::format("cold-{}", i)}));
  }
  const auto after = resident_bytes();
  fmt::print("{:<44} {:>9} B\n", "memory of a hibernated object",
             (static_cast<long>(after) - static_cast<long>(before)) / static_cast<long>(objects));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_runtime DIRECTORY [objects]\n");
    return 2;
  }
  const std::size_t objects = argc > 2 ? std::stoul(argv[2]) : 100'000;
  RuntimeOptions options;
  options.data_dir = argv[1];
  options.active_bytes_max = std::size_t{16} << 30;
  options.hibernate_after = std::chrono::hours{1};
  auto opened = Runtime::open(options, {counter()});
  if (!opened) {
    fmt::print(stderr, "{}\n", to_string(opened.error()));
    return 1;
  }
  auto& runtime = **opened;
  report("durable increments over 10,000 objects", runtime, 100'000,
         [](std::size_t i) { return add(fmt::format("warm-{}", i * 7919 % 10'000)); });
  report("durable increments on one object", runtime, 100'000,
         [](std::size_t) { return add("one"); });
  report("reads of 10,000 hot objects", runtime, 200'000,
         [](std::size_t i) { return value(fmt::format("warm-{}", i * 7919 % 10'000)); });
  rate(runtime, objects, [](std::size_t i) { return add(fmt::format("cold-{}", i)); });
  for (std::size_t i = 0; i < objects; ++i) {
    static_cast<void>(runtime.hibernate({"counter", fmt::format("cold-{}", i)}));
  }
  fmt::print(
      "{:<44} {:>9.0f}/s\n", "first touch of hibernated objects",
      rate(runtime, objects, [](std::size_t i) { return value(fmt::format("cold-{}", i)); }));
  for (std::size_t i = 0; i < objects; ++i) {
    static_cast<void>(runtime.hibernate({"counter", fmt::format("cold-{}", i)}));
  }
  measure_memory(runtime, objects);
  return 0;
}
