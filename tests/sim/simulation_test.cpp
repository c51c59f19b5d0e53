// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "clients.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t clients_count = 4;
constexpr std::size_t commands_each = 40;
// A run that needs more steps than this after the faults have stopped is stuck.
constexpr std::size_t steps_to_finish_max = 200'000;

void check_index(World& world, const std::vector<std::unique_ptr<Client>>& clients) {
  std::map<std::string, std::string> indexed;
  ListRequest request{.kind = "box", .index = "title", .limit = 3};
  do {
    const auto page = world.runtime().list(request);
    ASSERT_TRUE(page) << to_string(page.error());
    for (const auto& item : page->items) {
      EXPECT_TRUE(indexed.emplace(item.meta.object().id, item.state.at("title")).second);
    }
    request.cursor = page->next_cursor;
  } while (!request.cursor.empty());
  std::map<std::string, std::string> expected;
  for (const auto& client : clients) expected[client->box().id] = client->model().title;
  EXPECT_EQ(indexed, expected);
  for (int title = 0; title < 5; ++title) {
    const auto name = "title-" + std::to_string(title);
    const auto page = world.runtime().list({.kind = "box", .index = "title", .equals = {name}});
    ASSERT_TRUE(page);
    for (const auto& item : page->items) EXPECT_EQ(item.state.at("title"), name);
  }
}

struct Story {
  std::uint64_t trace;
  std::uint64_t crashes;
  std::uint64_t recoveries;  ///< without a restart
};

Story run(std::uint64_t seed) {
  World world{seed, simulated_kinds()};
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < clients_count; ++i) {
    clients.push_back(std::make_unique<Client>(world, i, commands_each));
  }
  const auto all_done = [&] {
    return std::ranges::all_of(clients, [](const auto& client) { return client->done(); });
  };
  auto& chance = world.chance();
  const auto move = [&] {
    if (chance.one_in(5)) {
      clients[chance.below(clients.size())]->step();
    } else if (chance.one_in(30)) {
      static_cast<void>(world.runtime().hibernate(clients[chance.below(clients.size())]->box()));
    } else {
      world.step_server();
    }
  };
  for (int step = 0; step < 6'000 && !all_done() && !testing::Test::HasFailure(); ++step) {
    move();
    world.meet_faults();
  }
  world.end_faults();
  std::size_t steps = 0;
  while (!all_done() && !testing::Test::HasFailure()) {
    move();
    if (world.broken()) world.crash();
    if (++steps == steps_to_finish_max) {
      ADD_FAILURE() << "stuck";
      break;
    }
  }
  if (chance.one_in(2)) world.crash();
  if (!testing::Test::HasFailure()) {
    for (const auto& client : clients) client->check_at_rest();
    check_index(world, clients);
  }
  const auto recoveries = world.epoch() - world.crashes() - 1;
  world.end();
  return {chance.trace(), world.crashes() - 1, recoveries};
}

TEST(Simulation, keeps_its_promises_through_crashes_and_hibernation) {
  std::uint64_t crashes = 0;
  std::uint64_t recoveries = 0;
  for_each_seed(200, [&](std::uint64_t seed) {
    const auto story = run(seed);
    crashes += story.crashes;
    recoveries += story.recoveries;
  });
  if (HasFailure()) return;
  fmt::print("{} crashes, {} full disks\n", crashes, recoveries);
  EXPECT_GT(crashes, 0U) << "runs without a crash prove little";
  EXPECT_GT(recoveries, 0U) << "no store was opened again beneath its objects";
}

TEST(Simulation, a_seed_replays_exactly) {
  for (const std::uint64_t seed : {3U, 14U, 15U}) EXPECT_EQ(run(seed).trace, run(seed).trace);
  EXPECT_NE(run(3).trace, run(4).trace);
}

}  // namespace
}  // namespace perdure::sim
