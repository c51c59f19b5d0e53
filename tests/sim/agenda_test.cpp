// SPDX-License-Identifier: Apache-2.0
// Objects that act by themselves, under crashes, lost tails, failed syncs and hibernation: money
// that is sent in messages and moved in transactions is neither made nor lost, messages of a pair
// come once and in order, and alarms are never early.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "simulation.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t purses = 4;
constexpr std::size_t deeds_count = 60;
constexpr std::int64_t funds = 1'000;
constexpr std::size_t steps_to_finish_max = 100'000;

struct Purse {
  std::int64_t balance = funds;
  std::map<std::string, int> sent;   ///< messages, by receiver
  std::map<std::string, int> heard;  ///< the number of the last one, by sender
  int ticks = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Purse, balance, sent, heard, ticks)

std::string name_of(std::size_t purse) { return "p" + std::to_string(purse); }

Kind purse_kind() {
  return kind<Purse>("purse")
      .command("give",
               [](Turn& turn, Purse& self, const Json& gift) {
                 const auto to = gift.at("to").get<std::string>();
                 self.balance -= gift.at("amount").get<std::int64_t>();
                 turn.send({.to = {"purse", to},
                            .command = "receive",
                            .payload = {{"from", turn.object().id},
                                        {"number", ++self.sent[to]},
                                        {"amount", gift.at("amount")}}});
                 if (!turn.alarm("tick")) {
                   turn.set_alarm({.name = "tick",
                                   .command = "tick",
                                   .schedule = Schedule::each(Milliseconds{400}, turn.now())});
                 }
               })
      .command("receive",
               [](Turn&, Purse& self, const Json& gift) {
                 auto& heard = self.heard[gift.at("from").get<std::string>()];
                 EXPECT_EQ(gift.at("number"), heard + 1) << "once, and in order";
                 heard = gift.at("number");
                 self.balance += gift.at("amount").get<std::int64_t>();
               })
      .command("move", [](Turn&, Purse& self,
                          const Json& amount) { self.balance += amount.get<std::int64_t>(); })
      .command("tick",
               [](Turn& turn, Purse& self) {
                 EXPECT_GE(turn.now(), turn.alarm("tick")->due) << "never early";
                 ++self.ticks;
               })
      .query("see", [](const Purse& self) { return Json(self); });
}

/// Gifts and transfers, each tried with its key until it is acknowledged.
class Deeds {
 public:
  explicit Deeds(World& world) : world_(world), lives_(deeds_count, 0) {}

  void step() {
    const auto number = world_.chance().below(deeds_count);
    if (done_.contains(number) || lives_[number] == world_.life() + 1) return;
    lives_[number] = world_.life() + 1;
    const auto key = "deed-" + std::to_string(number);
    const auto from = name_of(number % purses);
    const auto to = name_of((number * 7 + 1) % purses);
    const auto amount = static_cast<std::int64_t>(number % 9) + 1;
    auto done = [this, number, life = world_.life()](const Result<Reply>& reply) {
      if (life != world_.life()) return;  // lost on the way
      if (reply) {
        done_.insert(number);
      } else {
        lives_[number] = 0;
      }
    };
    if (number % 3 == 0) {
      world_.runtime().transact(
          {{{"purse", from}, "move", -amount}, {{"purse", to}, "move", amount}},
          {.idempotency_key = key}, std::move(done));
      return;
    }
    world_.runtime().call({.target = {"purse", from},
                           .name = "give",
                           .payload = {{"to", to}, {"amount", amount}},
                           .idempotency_key = key},
                          std::move(done));
  }
  [[nodiscard]] bool done() const { return done_.size() == deeds_count; }

 private:
  World& world_;
  std::vector<std::uint64_t> lives_;  ///< in which each was sent last, plus one; 0: not on its way
  std::set<std::size_t> done_;
};

std::map<std::string, Purse> purses_at_rest(World& world) {
  std::map<std::string, Purse> all;
  for (std::size_t i = 0; i < purses; ++i) {
    const auto view = world.runtime().inspect({"purse", name_of(i)});
    all[name_of(i)] = view ? view->state.get<Purse>() : Purse{};
  }
  return all;
}

struct Told {
  std::uint64_t trace;
  int messages = 0;
  int ticks = 0;
};

Told check_at_rest(World& world) {
  Told told{};
  auto all = purses_at_rest(world);
  std::int64_t sum = 0;
  for (auto& [from, purse] : all) {
    sum += purse.balance;
    told.ticks += purse.ticks;
    for (const auto& [to, count] : purse.sent) {
      EXPECT_EQ(all.at(to).heard[from], count) << "lost on the way from " << from << " to " << to;
      told.messages += count;
    }
  }
  EXPECT_EQ(sum, static_cast<std::int64_t>(purses) * funds);
  return told;
}

Told run(std::uint64_t seed) {
  World world{seed, {purse_kind()}};
  Deeds deeds{world};
  auto& chance = world.chance();
  const auto move = [&] {
    if (chance.one_in(6)) {
      deeds.step();
    } else if (chance.one_in(30)) {
      static_cast<void>(world.runtime().hibernate({"purse", name_of(chance.below(purses))}));
    } else {
      world.step_server();
    }
  };
  for (int step = 0; step < 4'000 && !testing::Test::HasFailure(); ++step) {
    move();
    world.meet_faults();
  }
  world.end_faults();
  const auto go_on_until = [&](std::size_t times, const std::function<bool()>& is_so) {
    std::size_t steps = 0;
    for (std::size_t in_a_row = 0; in_a_row < times && !testing::Test::HasFailure();) {
      move();
      if (world.broken()) world.crash();
      in_a_row = is_so() ? in_a_row + 1 : 0;
      if (++steps == steps_to_finish_max) ADD_FAILURE() << "stuck";
    }
  };
  // The pump reads the outbox at its first step, so that it looks empty before.
  go_on_until(500, [&] { return deeds.done() && world.runtime().outbox(0, 1).empty(); });
  for (const auto& [name, purse] : purses_at_rest(world)) {
    if (purse.sent.empty()) continue;
    // Its first gift set the alarm, and nothing since then has lost it.
    go_on_until(1, [&] {
      return world.runtime().inspect({"purse", name})->state.at("ticks") > purse.ticks;
    });
  }
  auto told = check_at_rest(world);
  world.end();
  told.trace = chance.trace();
  return told;
}

TEST(AgendaSimulation, money_in_messages_and_transactions_is_neither_made_nor_lost) {
  int messages = 0;
  int ticks = 0;
  for_each_seed(100, [&](std::uint64_t seed) {
    const auto told = run(seed);
    messages += told.messages;
    ticks += told.ticks;
  });
  if (HasFailure()) return;
  fmt::print("{} messages, {} ticks\n", messages, ticks);
  EXPECT_GT(messages, 0) << "nothing was sent";
  EXPECT_GT(ticks, 0) << "no alarm went off";
}

TEST(AgendaSimulation, a_seed_replays_exactly) {
  for (const std::uint64_t seed : {3U, 14U}) EXPECT_EQ(run(seed).trace, run(seed).trace);
}

}  // namespace
}  // namespace perdure::sim
