// SPDX-License-Identifier: Apache-2.0
// Commands that are not synced before they are answered.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "perdure/storage/rocksdb_store.hpp"
#include "perdure/testing/world.hpp"
#include "victim.hpp"

namespace perdure {
namespace {

using perdure::testing::Answer;
using perdure::testing::World;

struct Meter {
  std::int64_t value = 0;
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Meter, value, text)

std::int64_t count(Turn&, Meter& self) { return ++self.value; }

Kind meter_kind() {
  return kind<Meter>("meter")
      .durability(Durability::memory)
      .command("start", [](Turn&, Meter&) {}, {.durability = Durability::sync})
      .command("tick", count)
      .command("add", count, {.durability = Durability::buffered})
      .command("store", count, {.durability = Durability::sync})
      .command("tell",
               [](Turn& turn, Meter& self) {
                 turn.publish("meter.told", ++self.value);
                 return self.value;
               })
      .command("fill",
               [](Turn&, Meter& self, const std::size_t& bytes) { self.text.assign(bytes, 'x'); },
               {.durability = Durability::buffered})
      .command("refuse",
               [](Turn&, Meter&) -> Result<void> { return fail(ErrorCode::conflict, "refused"); })
      .query("value", [](const Meter& self) { return self.value; })
      .query("value_by_view", [](const View&, const Meter& self) { return self.value; });
}

const ObjectId one{"meter", "one"};

class DurabilityTest : public ::testing::Test {
 protected:
  DurabilityTest() { EXPECT_TRUE(world_.call("meter/one", "start")); }

  Answer send(std::string command, Json payload = nullptr) {
    auto answer =
        world_.send({.target = one, .name = std::move(command), .payload = std::move(payload)});
    world_.run_actors();
    return answer;
  }
  Answer ask() {
    auto answer = world_.send({.target = one, .type = CallType::query, .name = "value"});
    world_.run_actors();
    return answer;
  }
  static Json value(const Answer& answer) {
    if (!answer->has_value()) return "no answer yet";
    return **answer ? (**answer)->value : Json(to_string((*answer)->error()));
  }
  std::int64_t stored() { return world_.state("meter/one")->at("value").get<std::int64_t>(); }
  Seq stored_seq() { return world_.runtime().inspect(one)->meta.seq; }

  World world_{1, {meter_kind()}};
};

TEST_F(DurabilityTest, in_memory_answers_at_once_and_stores_within_its_time) {
  for (int i = 1; i <= 100; ++i) EXPECT_EQ(value(send("tick")), i);
  EXPECT_EQ(value(ask()), 100) << "readers see it";
  EXPECT_EQ(stored(), 0);
  EXPECT_EQ(stored_seq(), 1U);
  world_.advance(limits::unstored_max + Milliseconds{100});
  world_.settle();
  EXPECT_EQ(stored(), 100);
  EXPECT_EQ(stored_seq(), 2U) << "they share a record";
  world_.check_invariants();
}

TEST_F(DurabilityTest, in_memory_loses_in_a_crash_what_was_not_stored_and_no_more) {
  EXPECT_EQ(value(send("tick")), 1);
  const auto synced = send("store");
  EXPECT_EQ(value(synced), "no answer yet");
  world_.settle();
  EXPECT_EQ(value(synced), 2);
  EXPECT_EQ(value(send("tick")), 3);
  EXPECT_EQ(value(send("tick")), 4);
  world_.crash(storage::TailAfterCrash::lost);
  EXPECT_EQ(stored(), 2) << "what a synced turn was built on is synced with it";
  EXPECT_EQ(world_.ask("meter/one", "value")->value, 2);
}

TEST_F(DurabilityTest, buffered_answers_when_written_and_shares_a_record) {
  std::vector<Answer> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(world_.send({.target = one, .name = "add"}));
  }
  world_.run_actors();
  const auto read = ask();
  EXPECT_EQ(value(answers.front()), "no answer yet");
  EXPECT_EQ(value(read), "no answer yet") << "nobody sees what is not written";
  world_.settle();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(value(answers[static_cast<std::size_t>(i)]), i + 1);
  EXPECT_EQ(value(read), 50);
  EXPECT_EQ(stored(), 50);
  EXPECT_LE(stored_seq(), 3U);
  world_.check_invariants();
}

TEST_F(DurabilityTest, of_a_turn_that_asks_for_more_than_a_state_is_sync) {
  EXPECT_EQ(value(send("tick")), 1);
  const auto told = send("tell");
  EXPECT_EQ(value(told), "no answer yet");
  const auto once = world_.send({.target = one, .name = "tick", .idempotency_key = "k"});
  world_.run_actors();
  EXPECT_EQ(value(once), "no answer yet");
  world_.settle();
  EXPECT_EQ(value(told), 2);
  EXPECT_EQ(value(once), 3);
  EXPECT_EQ(stored(), 3);
  EXPECT_EQ(value(send("refuse")), "conflict: refused");
}

TEST_F(DurabilityTest, less_than_sync_gives_no_validator) {
  EXPECT_EQ((*world_.call("meter/one", "store")).meta.validator(), 2U);
  const auto ticked = send("tick");
  EXPECT_FALSE((**ticked)->meta.validator());
  EXPECT_FALSE((**ask())->meta.validator());
  world_.advance(std::chrono::seconds{2});
  EXPECT_FALSE((**ask())->meta.validator()) << "others may have the same seq";
  EXPECT_FALSE(world_.runtime().inspect(one)->meta.validator());
  EXPECT_EQ(world_.call({.target = one, .name = "store", .if_seq = 3}).error().code,
            ErrorCode::stale_precondition);
  ASSERT_TRUE(world_.hibernate("meter/one"));
  EXPECT_FALSE(world_.ask("meter/one", "value")->meta.validator()) << "whoever loads it";
  EXPECT_EQ((*world_.call("meter/one", "store")).meta.validator(), 4U);
}

TEST_F(DurabilityTest, of_what_cannot_be_stored_tells_who_waits) {
  EXPECT_EQ(value(send("tick")), 1);
  const auto filled = send("fill", 300'000);
  world_.settle();
  ASSERT_TRUE(filled->has_value());
  EXPECT_EQ((*filled)->error().code, ErrorCode::too_large);
  EXPECT_EQ(value(ask()), 0) << "what shared its record went with it";
  EXPECT_EQ(value(send("tick")), 1);
  world_.check_invariants();
}

TEST_F(DurabilityTest, keeps_an_object_in_memory_until_it_is_stored) {
  EXPECT_EQ(value(send("tick")), 1);
  EXPECT_EQ(world_.hibernate("meter/one").error().code, ErrorCode::conflict);
  world_.advance(std::chrono::seconds{5});
  world_.settle();
  EXPECT_EQ(stored(), 1);
  world_.advance(std::chrono::seconds{5});
  EXPECT_FALSE(world_.runtime().last_active(one)) << "it was idle";
}

TEST(Durability, of_kinds_whose_commits_may_be_refused_is_sync) {
  const auto opened =
      Runtime::open({.data_dir = std::filesystem::temp_directory_path() / "perdure-never-made"},
                    {kind<Json>("user")
                         .command("touch", [](Turn&, Json&) {}, {.durability = Durability::memory})
                         .unique({.space = "user.email", .field = "email"})});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid);
}

// What was synced is there after each crash; what a validator was given for is the same for ever.
TEST(DurabilityUnderFaults, takes_back_no_more_than_it_said) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    World world{seed, {meter_kind()}};
    ASSERT_TRUE(world.call("meter/one", "start"));
    auto& chance = world.chance();
    std::int64_t synced = 0;
    std::int64_t last = 0;
    std::map<Seq, std::int64_t> validated;
    const auto hear = [&](bool is_synced, const Result<Reply>& reply) {
      if (!reply) return;
      const auto value = reply->value.get<std::int64_t>();
      last = std::max(last, value);
      if (is_synced) synced = std::max(synced, value);
      if (const auto seq = reply->meta.validator()) {
        const auto [known, is_new] = validated.try_emplace(*seq, value);
        EXPECT_EQ(known->second, value) << "seq " << *seq;
      }
    };
    for (int step = 0; step < 300; ++step) {
      constexpr std::array names{"tick", "add", "store", "tell", "value", "value_by_view"};
      const std::string name = names.at(chance.below(names.size()));
      const bool is_query = name.starts_with("value");
      world.runtime().call(
          {.target = one, .type = is_query ? CallType::query : CallType::command, .name = name},
          [&, life = world.life(),
           is_synced = name == "store" || name == "tell"](Result<Reply> reply) {
            if (life == world.life()) hear(is_synced, reply);
          });
      for (auto moves = chance.below(6); moves > 0; --moves) world.step();
      if (chance.one_in(40)) world.fail_disk();
      if (chance.one_in(40) || world.broken()) {
        world.crash();
        const auto value = world.state("meter/one")->at("value").get<std::int64_t>();
        EXPECT_GE(value, synced);
        last = synced = value;
      }
      if (HasFailure()) return;
    }
    world.advance(std::chrono::seconds{3});
    world.settle();
    world.check_invariants();
    world.end();
  }
}

RuntimeOptions options_for(const std::filesystem::path& directory) {
  RuntimeOptions options;
  options.data_dir = directory;
  options.store = storage::rocksdb_factory(
      {.directory = directory, .block_cache_bytes = 8u << 20, .write_buffer_bytes = 8u << 20});
  return options;
}

TEST(DurabilityVictim, DISABLED_adds_until_it_is_killed) {
  auto runtime = std::move(*Runtime::open(options_for(Victim::directory()), {meter_kind()}));
  static_cast<void>(runtime->object("meter", "one").call("start").get());
  for (;;) {
    const auto reply = runtime->object("meter", "one").call("add").get();
    Victim::tell(reply->value.get<std::uint64_t>());
  }
}

TEST(DurabilityThroughKills, of_what_is_buffered_is_the_operating_systems) {
  const VictimDirectory directory{"perdure-buffered"};
  std::uint64_t told = 0;
  for (int life = 0; life < 3; ++life) {
    Victim victim{"DurabilityVictim.DISABLED_adds_until_it_is_killed", directory.path(), 0};
    const auto enough = told + 500;
    std::uint64_t value = 0;
    while (told < enough && victim.hear(value)) {
      ASSERT_GT(value, told) << "an answer was taken back";
      told = value;
    }
    victim.kill();
    while (victim.hear(value)) told = value;
    ASSERT_GE(told, enough);
  }
  auto runtime = std::move(*Runtime::open(options_for(directory.path()), {meter_kind()}));
  EXPECT_GE(runtime->object("meter", "one").ask("value").get()->value.get<std::uint64_t>(), told);
}

}  // namespace
}  // namespace perdure
