// SPDX-License-Identifier: Apache-2.0
// A webhook under crashes, lost tails, failed syncs and hibernation, and a receiver that refuses,
// hangs, and says no although it has heard: each event reaches it, and is one delivery.
#include "perdure/actors/webhook.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "perdure/actors/kinds.hpp"
#include "simulation.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t notebooks_count = 25;
constexpr std::size_t steps_to_finish_max = 200'000;
const ObjectId hook{"webhook", "w"};

std::vector<Kind> kinds() {
  return actors::domain_kinds({.webhooks = {.retry = {.attempts = 1'000,
                                                      .backoff = Milliseconds{50},
                                                      .factor = 2,
                                                      .ceiling = Milliseconds{400}}}});
}

/// Performs `http`: in each life of the world anew.
class Receiver {
 public:
  explicit Receiver(World& world) : world_(world) {}
  ~Receiver() { release(); }

  /// From now on it hears everything, at once.
  void get_well() { well_ = true; }

  void step() {
    if (attending_ != world_.life() + 1) {
      attending_ = world_.life() + 1;
      release();
      world_.runtime().set_performer(
          "http", [this](std::shared_ptr<Effect> effect) { take(std::move(effect)); }, 1'000);
    }
    if (slow_.empty() || !world_.chance().one_in(10)) return;
    const auto effect = std::move(slow_.back());
    slow_.pop_back();
    hear(*effect);
  }

  [[nodiscard]] std::set<std::string> heard() const {
    std::set<std::string> sources;
    for (const auto& [source, times] : heard_) sources.insert(source);
    return sources;
  }

 private:
  void take(std::shared_ptr<Effect> effect) {
    const auto dice = well_ ? 0 : world_.chance().below(10);
    if (dice < 4) {
      hear(*effect);
    } else if (dice < 6) {
      effect->finish(fail(ErrorCode::unavailable, "nobody home"));
    } else if (dice < 7) {
      ++heard_[source_of(*effect)];
      effect->finish(fail(ErrorCode::unavailable, "the answer was lost"));
    } else if (dice < 8) {
      effect->finish(fail(ErrorCode::deadline_exceeded, "too late to begin"));
    } else if (dice < 9) {
      slow_.push_back(std::move(effect));
    } else {
      silent_.push_back(std::move(effect));
    }
  }
  void hear(Effect& effect) {
    ++heard_[source_of(effect)];
    effect.finish(Json{{"status", 204}, {"headers", Json::object()}});
  }
  static std::string source_of(const Effect& effect) {
    return Json::parse(effect.payload().at("body").get<std::string>()).at("source");
  }
  void release() {
    slow_.clear();
    silent_.clear();
  }

  World& world_;
  std::uint64_t attending_ = 0;
  bool well_ = false;
  std::vector<std::shared_ptr<Effect>> slow_;
  std::vector<std::shared_ptr<Effect>> silent_;  ///< never answered
  std::map<std::string, int> heard_;
};

/// Something to be done once, tried with its key until it is acknowledged.
class Deed {
 public:
  Deed(World& world, Call call) : world_(world), call_(std::move(call)) {}
  [[nodiscard]] bool done() const { return done_; }
  void step() {
    if (done_ || life_ == world_.life() + 1) return;
    life_ = world_.life() + 1;
    world_.runtime().call(call_, [this, life = world_.life()](const Result<Reply>& reply) {
      if (life != world_.life()) return;  // lost on the way
      done_ = reply.has_value();
      if (!reply) life_ = 0;
    });
  }

 private:
  World& world_;
  Call call_;
  std::uint64_t life_ = 0;  ///< in which it was sent last, plus one; 0: not on its way
  bool done_ = false;
};

Call creation(ObjectId object, Json payload) {
  Call call{.target = std::move(object), .name = "create", .payload = std::move(payload)};
  call.owner = "ann";
  call.idempotency_key = to_string(call.target);
  return call;
}

class Story {
 public:
  explicit Story(std::uint64_t seed)
      : world_(seed, kinds()),
        receiver_(world_),
        webhook_(world_,
                 creation(hook, {{"url", "https://example.org/"},
                                 {"topics", {"notebook.*"}},
                                 {"secret", actors::webhook::secret_from(std::string(32, 's'))},
                                 {"after", "0"}})) {
    for (std::size_t i = 0; i < notebooks_count; ++i) {
      notebooks_.emplace_back(world_,
                              creation({"notebook", "n" + std::to_string(i)}, {{"title", "t"}}));
    }
  }

  std::uint64_t operator()() {
    auto& chance = world_.chance();
    for (int step = 0; step < 5'000 && !testing::Test::HasFailure(); ++step) {
      move();
      if (chance.one_in(400)) world_.crash();
      if (chance.one_in(800)) world_.break_sync();
      if (world_.broken() && chance.one_in(20)) world_.crash();
    }
    receiver_.get_well();
    std::size_t steps = 0;
    for (int still = 0; still < 500 && !testing::Test::HasFailure();) {
      move();
      if (world_.broken()) world_.crash();
      // Past the time after which an attempt without an answer is doubted.
      if (++steps % 1'000 == 0) world_.clock().advance(std::chrono::minutes{10});
      still = at_rest() ? still + 1 : 0;
      if (steps == steps_to_finish_max) {
        ADD_FAILURE() << "stuck: " << state().dump();
        break;
      }
    }
    check();
    world_.end();
    return chance.trace();
  }

 private:
  void move() {
    auto& chance = world_.chance();
    receiver_.step();
    if (chance.one_in(10)) {
      webhook_.step();
      if (webhook_.done()) notebooks_[chance.below(notebooks_.size())].step();
    } else if (chance.one_in(40)) {
      static_cast<void>(world_.runtime().hibernate(hook));
    } else {
      world_.step_server();
    }
  }
  [[nodiscard]] Json state() {
    const auto view = world_.runtime().inspect(hook);
    return view ? view->state.at("internal") : Json(nullptr);
  }
  [[nodiscard]] bool at_rest() {
    const bool created =
        webhook_.done() && std::ranges::all_of(notebooks_, [](const Deed& d) { return d.done(); });
    return created && world_.runtime().outbox(0, 1).empty() &&
           state().at("kept") == notebooks_count && state().at("waiting") == 0;
  }
  void check() {
    std::set<std::string> wanted;
    for (std::size_t i = 0; i < notebooks_count; ++i) {
      wanted.insert("/notebook/n" + std::to_string(i));
    }
    EXPECT_EQ(receiver_.heard(), wanted);
    EXPECT_EQ(state().at("next_number"), notebooks_count + 1) << "one delivery for each event";
    EXPECT_TRUE(world_.runtime()
                    .list({.kind = "dead_letter", .index = "created_at"})
                    .value()
                    .items.empty());
  }

  World world_;
  Receiver receiver_;
  Deed webhook_;
  std::vector<Deed> notebooks_;
};

TEST(WebhookSimulation, each_event_reaches_its_receiver_and_is_one_delivery) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story story{seed};
    story();
    if (HasFailure()) return;
  }
}

TEST(WebhookSimulation, a_seed_replays_exactly) {
  const auto trace = [] { return Story{7}(); };
  EXPECT_EQ(trace(), trace());
}

}  // namespace
}  // namespace perdure::sim
