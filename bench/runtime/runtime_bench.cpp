// SPDX-License-Identifier: Apache-2.0
// The runtime without a socket: durable increments, reads, first touch, and memory of an object.
//
//   bench_runtime DIRECTORY [objects]
//
// 64 calls are in flight at any time, as from 64 connections. Each figure is the median of five
// rounds; the spread is their least and greatest.
#include <malloc.h>
#include <unistd.h>

#include <fstream>

#include "load.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;

struct Log {
  std::int64_t length = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Log, length)

Kind log_kind() {
  return kind<Log>("log").command("append", [](Turn& turn, Log& self, const Add&) {
    turn.entries().put(fmt::format("line/{:012}", ++self.length), "a line of the usual length");
    return self.length;
  });
}

Call append() { return {.target = {"log", "one"}, .name = "append", .payload = Add{1}}; }

std::size_t resident_bytes() {
  malloc_trim(0);
  std::ifstream file{"/proc/self/statm"};
  std::size_t pages = 0;
  std::size_t resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
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
  const auto opened = open(argv[1], {counter(), log_kind()});
  auto& runtime = *opened;
  report("durable increments over 10,000 objects", runtime, 100'000,
         [](std::size_t i) { return add(fmt::format("warm-{}", i * 7919 % 10'000)); });
  report("durable increments on one object", runtime, 100'000,
         [](std::size_t) { return add("one"); });
  report("durable appends of an entry to one object", runtime, 100'000,
         [](std::size_t) { return append(); });
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
