// SPDX-License-Identifier: Apache-2.0
// What an awaited ask costs: a flow that adds to its own counter and has another one added to,
// beside two increments of the same two counters by their callers.
//
//   bench_flows DIRECTORY
//
// As in bench_runtime, 64 calls are in flight at any time. A pair is two hot objects; callers take
// the pairs in turn.
#include "load.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;

Flow<std::int64_t> add_both(FlowContext& flow, Counter& self, const std::string& other) {
  self.value += 1;
  const auto added = co_await flow.ask<std::int64_t>("counter", other, "add", Add{1});
  if (!added) throw Failure(added.error());
  co_return self.value;
}

Kind flowing_counter() {
  return kind<Counter>("counter")
      .command("add", [](Turn&, Counter& self, const Add& add) { return self.value += add.by; })
      .command("add_both", add_both);
}

std::string asker(std::size_t pair) { return fmt::format("asker-{}", pair); }
std::string asked(std::size_t pair) { return fmt::format("asked-{}", pair); }

void measure(Runtime& runtime, std::size_t pairs) {
  constexpr std::size_t calls = 20'000;
  std::vector<double> ratios;
  std::vector<double> separate;
  std::vector<double> flows;
  for (int round = 0; round < rounds; ++round) {
    separate.push_back(rate(runtime, calls,
                            [pairs](std::size_t i) {
                              const auto pair = i / 2 % pairs;
                              return add(i % 2 == 0 ? asker(pair) : asked(pair));
                            }) /
                       2);
    flows.push_back(rate(runtime, calls / 2, [pairs](std::size_t i) {
      return Call{
          .target = {"counter", asker(i % pairs)}, .name = "add_both", .payload = asked(i % pairs)};
    }));
    ratios.push_back(flows.back() / separate.back());
  }
  std::ranges::sort(ratios);
  std::ranges::sort(separate);
  std::ranges::sort(flows);
  fmt::print(
      "{:>3} pairs: two increments {:>7.0f}/s, an awaited ask {:>7.0f}/s: {:.2f} ({:.2f} to "
      "{:.2f})\n",
      pairs, separate[rounds / 2], flows[rounds / 2], ratios[rounds / 2], ratios.front(),
      ratios.back());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_flows DIRECTORY\n");
    return 2;
  }
  const auto runtime = open(argv[1], {flowing_counter()});
  for (const std::size_t pairs : {1, 8, 32, 64}) measure(*runtime, pairs);
  return 0;
}
