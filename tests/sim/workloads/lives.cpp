// SPDX-License-Identifier: Apache-2.0
// Phoenixes that are deleted, purged, brought back, created and imported again and again. Each life
// has a mark of its own, and what it asks for carries it: alarms, questions, messages to itself,
// dead letters that are driven again. Nothing acts in a life that has another mark.
#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t phoenixes = 3;

struct Phoenix {
  std::string mark;
  int acted = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Phoenix, mark, acted)

struct Ash {
  int asked = 0;
  std::vector<std::string> wrongs;  ///< what acted in another life
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Ash, asked, wrongs)

ObjectId phoenix(std::size_t number) { return {"phoenix", "p" + std::to_string(number)}; }

/// What a life asks for.
void tend(Turn& turn, const Phoenix& self, const Json& wish) {
  const Json payload{{"mark", self.mark}, {"fails", wish.at("fails")}};
  turn.set_alarm({.name = wish.at("alarm"),
                  .command = "act",
                  .payload = payload,
                  .schedule = Schedule::in(Milliseconds{wish.at("after_ms").get<int>()}),
                  .retry = {.attempts = 2, .backoff = Milliseconds{50}}});
  turn.send({.to = {"ash", "a"}, .command = "ask", .then = "answered", .context = self.mark});
  turn.send({.to = turn.object(),
             .command = "act",
             .payload = payload,
             .retry = {.attempts = 3, .backoff = Milliseconds{200}}});
}

class Lives final : public perdure::testing::Workload {
 public:
  explicit Lives(std::size_t clients) : deeds_(120, 2 * clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Phoenix>("phoenix")
                .command("begin",
                         [](Turn& turn, Phoenix& self, const Json& wish) {
                           self.mark = wish.at("mark");
                           tend(turn, self, wish);
                         },
                         {.creates = Creates::yes})
                .command("tend", [](Turn& turn, Phoenix& self,
                                    const Json& wish) { tend(turn, self, wish); })
                .command("act",
                         [](Turn& turn, Phoenix& self, const Json& what) -> Result<void> {
                           if (!is_of(turn, self, what.at("mark"), "what it asked for")) return {};
                           if (what.at("fails") == true) return fail(ErrorCode::conflict, "no");
                           ++self.acted;
                           return {};
                         })
                .command("answered",
                         [](Turn& turn, Phoenix& self, const Json& answer) {
                           if (is_of(turn, self, answer.at("context"), "an answer")) ++self.acted;
                         }),
            kind<Ash>("ash")
                .command("ask", [](Turn&, Ash& self) { return ++self.asked; })
                .command("complain", [](Turn&, Ash& self, const std::string& wrong) {
                  self.wrongs.push_back(wrong);
                })};
  }

  void step() override {
    if (chance().one_in(20)) drive_again();
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    auto call = next_call(number);
    call.idempotency_key = "lives-" + std::to_string(number);
    // Most are refused: whoever wants to end a life may find none. That is no matter here.
    request(std::move(call), [this, number](const auto&) { deeds_.end(number); });
  }
  bool finished() override { return deeds_.done() && driving_ == 0; }
  std::string state() override { return deeds_.state(); }

  void check() override {
    const auto ash = world().runtime().inspect({"ash", "a"});
    const auto wrongs = ash ? ash->state.get<Ash>().wrongs : std::vector<std::string>{};
    expect(wrongs.empty(), wrongs.empty() ? std::string{} : wrongs.front());
    for (std::size_t i = 0; i < phoenixes; ++i) {
      const auto view = world().runtime().inspect(phoenix(i));
      const auto alarms = world().runtime().alarms(phoenix(i));
      if (!view || !alarms) continue;  // between two lives
      for (const auto& alarm : *alarms) {
        expect(alarm.spec.payload.at("mark") == view->state.at("mark"),
               to_string(phoenix(i)) + " has an alarm of another life");
      }
    }
  }

 private:
  Call next_call(std::size_t number) {
    Call call{.target = phoenix(chance().below(phoenixes))};
    const auto mark = "life-" + std::to_string(number);
    const Json wish{{"mark", mark},
                    {"alarm", "task-" + std::to_string(chance().below(3))},
                    {"after_ms", chance().below(2'000)},
                    {"fails", chance().one_in(3)}};
    const auto be = [&](std::string_view name, const Json& payload = nullptr) {
      call.name = std::string{name};
      call.payload = payload;
    };
    switch (chance().below(8)) {
      case 0:
      case 1: be("begin", wish); break;
      case 2:
        be(builtin::import, {{"state", Phoenix{.mark = mark}}, {"entries", Json::array()}});
        break;
      case 3:
      case 4: be(builtin::remove); break;
      case 5: be(builtin::purge); break;
      case 6: be(builtin::undelete); break;
      default: be("tend", wish); break;
    }
    return call;
  }

  /// Has a letter do again what it holds.
  void drive_again() {
    const auto page = world().runtime().list({.kind = "dead_letter", .limit = 100});
    if (!page) return;
    for (const auto& letter : page->items) {
      const auto& payload = letter.state.value("payload", Json());
      if (!payload.is_object() || !payload.contains("mark")) continue;
      if (!driven_.insert(letter.meta.object().id).second) continue;
      ++driving_;
      return request({.target = letter.meta.object(),
                      .name = "retry",
                      .idempotency_key = "lives-retry-" + letter.meta.object().id},
                     [this](const auto&) { --driving_; });
    }
  }

  /// A turn that comes to nothing (its state is of a commit that failed) may see anything: so only
  /// what is durable counts.
  [[nodiscard]] static bool is_of(Turn& turn, const Phoenix& self, const Json& mark,
                                  const std::string& what) {
    if (mark == self.mark) return true;
    turn.send({.to = {"ash", "a"},
               .command = "complain",
               .payload = what + " of the life " + mark.dump() + " of " + to_string(turn.object()) +
                          " acts in " + self.mark});
    return false;
  }

  Deeds deeds_;
  int driving_ = 0;
  std::set<std::string> driven_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_lives(std::size_t clients) {
  return std::make_unique<Lives>(clients);
}

}  // namespace perdure::sim
