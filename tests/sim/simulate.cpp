// SPDX-License-Identifier: Apache-2.0
// simulate FIRST COUNT [WORKLOAD...]: runs seeds with Perdure's own workloads; scripts/simulate is
// the way to call it. Exit: 0 when every promise was kept, 1 with a story, 2 for wrong arguments.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "workloads/workloads.hpp"

namespace {

using perdure::testing::Exploration;

bool read_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

void show_progress(std::uint64_t done, std::uint64_t count) {
  if (::isatty(STDERR_FILENO) == 0) return;
  constexpr std::uint64_t width = 40;
  fmt::print(stderr, "\r[{:-<{}}] {} of {} seeds", std::string(done * width / count, '#'), width,
             done, count);
  if (done == count) fmt::print(stderr, "\r{:70}\r", "");
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments{argv, static_cast<std::size_t>(argc)};
  const auto makers = perdure::sim::workloads();
  Exploration exploration;
  bool right = argc >= 3 && read_number(arguments[1], exploration.first_seed) &&
               read_number(arguments[2], exploration.count) && exploration.count > 0;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    exploration.only.emplace_back(arguments[i]);
    right &= std::ranges::count(makers, exploration.only.back(),
                                &perdure::testing::WorkloadMaker::name) == 1;
  }
  if (!right) {
    fmt::print(stderr, "usage: {} FIRST COUNT [WORKLOAD...]\nworkloads:", arguments[0]);
    for (const auto& maker : makers) fmt::print(stderr, " {}", maker.name);
    fmt::print(stderr, "\n");
    return 2;
  }
  exploration.on_progress = [&](std::uint64_t done) { show_progress(done, exploration.count); };
  const auto report = perdure::testing::explore(makers, exploration);
  if (!report.failure.empty()) {
    fmt::print("\n{}", describe(report));
    return 1;
  }
  fmt::print(
      "{} seeds from {} on: every promise kept ({} faults, {} starts after a crash, {} stores "
      "opened again)\n",
      report.runs, exploration.first_seed, report.faults, report.crashes, report.reopenings);
  return 0;
}
