// SPDX-License-Identifier: Apache-2.0
// Bells with alarms: once, at intervals, by cron, cancelled in time, and such that fail at first or
// for ever. None goes off before its time, each takes effect once, and what is given up is a dead
// letter. The bells have one owner: `AlarmWatch` knows how many may go off within a second.
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t bells = 3;
constexpr int attempts = 3;

struct Bell {
  std::map<std::string, int> rung;       ///< by alarm
  std::map<std::string, int> cancelled;  ///< by alarm: how often it had rung
  int ticks = 0;
  int minutes = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Bell, rung, cancelled, ticks, minutes)

ObjectId bell(std::size_t number) { return {"bell", "b" + std::to_string(number % bells)}; }

class Alarms final : public perdure::testing::Workload {
 public:
  explicit Alarms(std::size_t clients) : deeds_(40, clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Bell>("bell")
                .command("set", [this](Turn& turn, Bell&, const Json& wish) { set(turn, wish); })
                .command("cancel",
                         [](Turn& turn, Bell& self, const std::string& name) {
                           if (!turn.cancel_alarm(name)) return turn.change_nothing();
                           self.cancelled[name] = self.rung[name];
                         })
                .command("ring", [this](Turn& turn, Bell& self,
                                        const Json& wish) { return ring(turn, self, wish); })
                .command("tick",
                         [this](Turn& turn, Bell& self) {
                           not_early(turn, "tick");
                           ++self.ticks;
                         })
                .command("minute", [this](Turn& turn, Bell& self) {
                  not_early(turn, "minute");
                  ++self.minutes;
                })};
  }

  void step() override {
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto name = "alarm-" + std::to_string(number);
    const auto which = bell(number);
    const auto fails = chance().one_in(3) ? chance().below(attempts + 1) : 0;
    // Many at one moment, so that they have to wait for each other.
    const auto after_ms = chance().one_in(2) ? 1'000 : chance().below(3'000);
    request({.target = which,
             .name = "set",
             .payload = {{"name", name}, {"after_ms", after_ms}, {"fails", fails}},
             .idempotency_key = name,
             .owner = "ringer"},
            [this, number, name, which, fails](const auto&) {
              deeds_.end(number);
              wanted_[which].insert(name);
              if (fails >= attempts) hopeless_.insert(name);
              if (fails == 0 && number % 5 == 0) cancel(which, name);
            });
  }

  bool finished() override {
    if (!deeds_.done() || cancelling_ > 0) return false;
    const auto given_up = letters();
    for (std::size_t i = 0; i < bells; ++i) {
      const auto self = at(i);
      for (const auto& name : wanted_[bell(i)]) {
        const bool ended = self.rung.contains(name) || self.cancelled.contains(name);
        if (!ended && !given_up.contains(name)) return false;
      }
      // Since faults have stopped, those that repeat have gone on.
      const auto [known, is_new] = began_.emplace(i, self);
      if (is_new || self.ticks < known->second.ticks + 3) return false;
      if (self.minutes < known->second.minutes + 1) return false;
    }
    return true;
  }
  std::string state() override {
    return deeds_.state() + ", " + Json(letters()).dump() + " given up, " + Json(at(0)).dump();
  }

  void check() override {
    const auto given_up = letters();
    for (std::size_t i = 0; i < bells; ++i) {
      const auto self = at(i);
      for (const auto& [name, times] : self.rung) {
        expect(times <= 1, name + " took effect " + std::to_string(times) + " times");
        expect(times == 0 || !given_up.contains(name), name + " rang, and was given up");
        expect(times == 0 || !hopeless_.contains(name), name + " rang, but cannot");
      }
      for (const auto& [name, times] : self.cancelled) {
        expect(!self.rung.contains(name) || self.rung.at(name) == times,
               name + " rang after it was cancelled");
      }
    }
    for (const auto& [name, count] : given_up) {
      expect(count == 1, name + " was given up " + std::to_string(count) + " times");
    }
  }

 private:
  void set(Turn& turn, Json wish) {
    wish["life"] = world().life();
    wish["since"] = to_unix_ms(turn.steady_now());
    turn.set_alarm({.name = wish.at("name"),
                    .command = "ring",
                    .payload = wish,
                    .schedule = Schedule::in(Milliseconds{wish.at("after_ms").get<int>()}),
                    .retry = {.attempts = attempts, .backoff = Milliseconds{50}}});
    if (turn.alarm("tick")) return;
    turn.set_alarm({.name = "tick",
                    .command = "tick",
                    .schedule = Schedule::each(Milliseconds{3'000}, turn.now())});
    turn.set_alarm({.name = "minute",
                    .command = "minute",
                    .schedule = Schedule::by_cron("* * * * *").value()});
  }

  Result<void> ring(Turn& turn, Bell& self, const Json& wish) {
    const auto name = wish.at("name").get<std::string>();
    not_early(turn, name);
    // Whoever sets the wall clock meanwhile, by a second or more. How long a restart took, only the
    // wall clock knows.
    const auto passed = to_unix_ms(turn.steady_now()) - wish.at("since").get<std::int64_t>();
    expect(wish.at("life") != world().life() ||
               passed + 1'000 > wish.at("after_ms").get<std::int64_t>(),
           name + " goes off after " + std::to_string(passed) + " ms");
    const auto alarm = turn.alarm(name);
    if (alarm && alarm->attempt <= wish.at("fails").get<int>()) {
      return fail(ErrorCode::unavailable, "it does not ring yet");
    }
    ++self.rung[name];
    return {};
  }

  void not_early(Turn& turn, const std::string& name) {
    const auto alarm = turn.alarm(name);
    expect(!alarm || turn.now() >= alarm->due, name + " goes off before its time");
  }

  void cancel(const ObjectId& which, const std::string& name) {
    ++cancelling_;
    request({.target = which,
             .name = "cancel",
             .payload = name,
             .idempotency_key = "cancel-" + name,
             .owner = "ringer"},
            [this](const auto&) { --cancelling_; });
  }

  Bell at(std::size_t number) {
    const auto view = world().runtime().inspect(bell(number));
    return view ? view->state.get<Bell>() : Bell{};
  }
  /// How many dead letters there are of each alarm. (A disk that cannot be read may cost attempts,
  /// so that more are given up than would be otherwise.)
  std::map<std::string, int> letters() {
    std::map<std::string, int> letters;
    const auto page = world().runtime().list({.kind = "dead_letter", .limit = 500});
    for (const auto& item : page ? page->items : std::vector<ObjectView>{}) {
      const auto name = item.state.value("name", "");
      if (name.starts_with("alarm-")) ++letters[name];
    }
    return letters;
  }

  Deeds deeds_;
  int cancelling_ = 0;
  std::set<std::string> hopeless_;  ///< those that fail whenever they are tried
  std::map<ObjectId, std::set<std::string>> wanted_;
  std::map<std::size_t, Bell> began_;  ///< as they were when all else was done
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_alarms(std::size_t clients) {
  return std::make_unique<Alarms>(clients);
}

}  // namespace perdure::sim
