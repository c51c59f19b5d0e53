// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/faults.hpp"

#include <fmt/format.h>

namespace perdure::testing {

namespace {

/// Of so many steps, how many have a fault of a kind.
constexpr std::uint64_t steps = 20'000;
constexpr std::array<std::uint64_t, all_faults.size()> rates{32, 12, 12, 16, 24, 24, 8, 8, 12};

constexpr Weather calm{.delay_max = Milliseconds{20}};

}  // namespace

std::string_view name_of(Fault fault) {
  constexpr std::array<std::string_view, all_faults.size()> names{
      "crash",       "failed_sync", "full_disk",  "slow_disk",   "failed_call",
      "bad_network", "clock_step",  "clock_leap", "small_memory"};
  return names.at(static_cast<std::size_t>(fault));
}

Faults::Faults(World& world, FaultPlan plan)
    : world_(world), plan_(std::move(plan)), chance_(world.stream("faults")) {
  world_.network().set_weather(calm);
}

void Faults::step() {
  end_lasting(false);
  // A server whose writes have stopped for good is started again soon; that is no fault.
  if (world_.broken() && chance_.one_in(20)) world_.crash();
  auto dice = chance_.below(steps);
  for (const auto fault : all_faults) {
    const auto rate = rates.at(static_cast<std::size_t>(fault));
    if (dice >= rate) {
      dice -= rate;
      continue;
    }
    if (!plan_.spared.contains(count_++) && plan_.kinds.contains(fault)) meet(fault);
    return;
  }
}

void Faults::meet(Fault fault) {
  const auto number = count_ - 1;
  const auto amount = chance_.below(10'000);
  world_.tell([&] { return fmt::format("FAULT {}: {}", number, name_of(fault)); });
  switch (fault) {
    case Fault::crash: return world_.crash();
    case Fault::failed_sync: return world_.fail_disk(static_cast<int>(amount % 3));
    case Fault::full_disk: return world_.fill_disk();
    case Fault::slow_disk: slow_ = true; return world_.slow_disk(Milliseconds{1 + amount % 2'000});
    case Fault::failed_call: return world_.fail_nth_call(static_cast<int>(1 + amount % 40));
    case Fault::bad_network:
      stormy_ = true;
      return world_.network().set_weather({.lost_one_in = 2 + amount % 8,
                                           .twice_one_in = 2 + amount / 8 % 4,
                                           .delay_max = Milliseconds{1 + amount % 3'000}});
    case Fault::clock_step: return step_clock(static_cast<std::int64_t>(amount));
    case Fault::clock_leap: return world_.clock().advance(Milliseconds{amount * 12});
    case Fault::small_memory:
      for (int i = 0; i < 20; ++i) world_.hibernate_one();
      return;
  }
}

void Faults::step_clock(std::int64_t amount) {
  // Ten seconds at most; every fifth time ten minutes, and as often a day.
  constexpr std::array<int, 5> factors{60, 8'640, 1, 1, 1};
  const auto factor = factors.at(static_cast<std::size_t>(amount) % factors.size());
  const Milliseconds by{factor * (amount * 2 - 10'000)};
  world_.tell([&] { return fmt::format("FAULT: the wall clock is set by {} ms", by.count()); });
  world_.clock().step_wall(by);
}

void Faults::end_lasting(bool all) {
  const auto ends = [&](bool lasts, std::uint64_t one_in) {
    return lasts && (all || chance_.one_in(one_in));
  };
  if (ends(world_.disk_is_full(), 50)) world_.free_disk();
  if (ends(slow_, 200)) {
    slow_ = false;
    world_.slow_disk(Milliseconds{0});
  }
  if (ends(stormy_, 300)) {
    stormy_ = false;
    world_.network().set_weather(calm);
  }
}

void Faults::end() {
  end_lasting(true);
  world_.faults() = {};
  if (world_.broken()) world_.crash();
  world_.tell([] { return "no more faults: now everything must finish"; });
}

}  // namespace perdure::testing
