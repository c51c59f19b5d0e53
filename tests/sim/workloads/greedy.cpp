// SPDX-License-Identifier: Apache-2.0
// Greedy owners, who have many calls waiting at many objects, beside modest ones with one call at a
// time. Where owners take turns (half of the seeds), a modest owner's call waits for two turns of
// each greedy owner at most; everywhere each call is answered once.
#include <array>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t greedy_owners = 3;
constexpr std::size_t modest_owners = 2;
constexpr std::size_t objects = 4;     ///< of each owner
constexpr std::size_t burst_max = 40;  ///< calls of a greedy owner at once
/// Served for one greedy owner while a modest one waits: one whose turn it is before, and one more
/// for what the modest owner was served last. In a line that is first in, first out it is up to as
/// many as the greedy owner has objects.
constexpr std::uint64_t turns_max = 2;
static_assert(turns_max < objects, "an order without owners would keep the bound, too");

struct Plot {
  std::uint64_t dug = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Plot, dug)

Principal owner(std::string name) {
  return {.role = Principal::Role::user, .user_id = std::move(name)};
}

class Greedy final : public perdure::testing::Workload {
 public:
  explicit Greedy(std::size_t clients) : left_(20 * clients) {}

  std::vector<Kind> kinds() override {
    // It looks at entries, so it takes a turn with the object's actor.
    return {kind<Plot>("plot")
                .command("dig", [](Turn&, Plot& self) { return ++self.dug; })
                .query("look", [this](const View&, const Plot&, const Json& call) {
                  served(call.at("owner").get<std::size_t>(), call.at("waits").get<bool>());
                  return nullptr;
                })};
  }

  void setup() override {
    for (std::size_t i = 0; i < greedy_owners + modest_owners; ++i) {
      for (std::size_t at = 0; at < objects; ++at) {
        request({.target = plot(i, at), .name = "dig", .principal = owner(name(i))},
                [this](const auto&) { ++begun_; });
      }
    }
  }

  void step() override {
    if (begun_ < (greedy_owners + modest_owners) * objects || left_ == 0) return;
    const auto who = chance().below(greedy_owners + modest_owners);
    if (who >= greedy_owners) return ask_once(who);
    for (auto calls = 1 + chance().below(burst_max); calls > 0; --calls) look(who);
  }

  bool finished() override {
    const bool all = answered_ == made_ || life_ != world().life();
    return left_ == 0 && all;
  }
  std::string state() override {
    return std::to_string(left_) + " modest calls are to be made; " + std::to_string(answered_) +
           " of " + std::to_string(made_) + " are answered";
  }
  void check() override { expect(begun_ > 0, "nobody has an object"); }

 private:
  struct Modest {
    bool waits = false;
    std::array<std::uint64_t, greedy_owners> served_before{};
  };

  static std::string name(std::size_t who) {
    return (who < greedy_owners ? "greedy-" : "modest-") + std::to_string(who);
  }
  static ObjectId plot(std::size_t who, std::size_t at) {
    return {"plot", name(who) + "-" + std::to_string(at)};
  }

  /// In a turn of the object's.
  void served(std::size_t who, bool waits) {
    if (who < greedy_owners) {
      ++served_.at(who);
      return;
    }
    const auto& modest = modest_.at(who - greedy_owners);
    if (!waits || !world().owners_take_turns() || life_ != world().life()) return;
    // A turn whose rows are fetched waits for them, however many turns others have meanwhile.
    if (world().runtime().reads_are_slow()) return;
    for (std::size_t i = 0; i < greedy_owners; ++i) {
      const auto turns = served_.at(i) - modest.served_before.at(i);
      expect(turns <= turns_max,
             name(who) + " waits for " + std::to_string(turns) + " turns of " + name(i));
    }
  }

  void begin_life() {
    if (life_ == world().life()) return;
    life_ = world().life();
    made_ = answered_ = 0;
    modest_ = {};
  }

  void ask_once(std::size_t who) {
    begin_life();
    auto& modest = modest_.at(who - greedy_owners);
    if (modest.waits) return;
    --left_;
    modest = {.waits = true, .served_before = served_};
    look(who);
  }

  void look(std::size_t who) {
    begin_life();
    ++made_;
    world().runtime().call({.target = plot(who, chance().below(objects)),
                            .type = CallType::query,
                            .name = "look",
                            .payload = {{"owner", who}, {"waits", who >= greedy_owners}},
                            .principal = owner(name(who))},
                           [this, who, life = life_](const auto&) {
                             if (life != world().life()) return;
                             ++answered_;
                             if (who >= greedy_owners)
                               modest_.at(who - greedy_owners).waits = false;
                           });
  }

  std::size_t left_;  ///< modest calls to make
  std::size_t begun_ = 0;
  std::uint64_t life_ = 0;
  std::uint64_t made_ = 0;  ///< in this life
  std::uint64_t answered_ = 0;
  std::array<std::uint64_t, greedy_owners> served_{};  ///< calls of each
  std::array<Modest, modest_owners> modest_{};
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_greedy(std::size_t clients) {
  return std::make_unique<Greedy>(clients);
}

}  // namespace perdure::sim
