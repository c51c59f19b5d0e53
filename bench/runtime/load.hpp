// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of the runtime share: a counter, and a load of calls as from 64 connections.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "perdure/runtime/runtime.hpp"

namespace perdure::bench {

struct Counter {
  std::int64_t value = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Counter, value)

struct Add {
  std::int64_t by = 1;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Add, by)

inline Kind counter() {
  return kind<Counter>("counter")
      .command("add", [](Turn&, Counter& self, const Add& add) { return self.value += add.by; })
      .query("value", [](const Counter& self) { return self.value; });
}

inline constexpr std::size_t in_flight = 64;
inline constexpr int rounds = 5;

using MakeCall = std::function<Call(std::size_t)>;

/// Keeps `in_flight` calls going until `count` are answered; gives calls per second.
inline double rate(Runtime& runtime, std::size_t count, const MakeCall& make) {
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

inline void report(std::string_view what, Runtime& runtime, std::size_t count,
                   const MakeCall& make) {
  std::vector<double> rates;
  for (int i = 0; i < rounds; ++i) rates.push_back(rate(runtime, count, make));
  std::ranges::sort(rates);
  fmt::print("{:<44} {:>9.0f}/s  ({:.0f} to {:.0f})\n", what, rates[rounds / 2], rates.front(),
             rates.back());
}

inline Call add(std::string id) {
  return {.target = {"counter", std::move(id)}, .name = "add", .payload = Add{1}};
}
inline Call value(std::string id) {
  return {.target = {"counter", std::move(id)}, .type = CallType::query, .name = "value"};
}

/// Everything stays active. Ends the program when the directory cannot be opened.
inline std::unique_ptr<Runtime> open(const char* directory, std::vector<Kind> kinds) {
  RuntimeOptions options;
  options.data_dir = directory;
  options.active_bytes_max = std::size_t{16} << 30;
  options.hibernate_after = std::chrono::hours{1};
  auto opened = Runtime::open(options, std::move(kinds));
  if (opened) return std::move(*opened);
  fmt::print(stderr, "{}\n", to_string(opened.error()));
  std::exit(1);
}

}  // namespace perdure::bench
