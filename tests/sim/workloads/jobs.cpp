// SPDX-License-Identifier: Apache-2.0
// Jobs of three owners in two queues, some cancelled, some failing: each ends once, in one final
// state; neither queues nor types nor owners ever have more running than they may; and owners take
// turns. The runner is a simulated one: the real one has threads.
#include "perdure/actors/jobs.hpp"

#include <array>
#include <map>

#include "deeds.hpp"
#include "job_turns.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t queue_places = 4;
constexpr std::size_t type_places = 3;

actors::JobTypes types() {
  actors::JobTypes types;
  const auto nothing = [](const std::shared_ptr<Effect>&) {};
  types.add("steady", {.perform = nothing, .concurrency = type_places});
  types.add("flaky", {.perform = nothing,
                      .concurrency = type_places,
                      .retry = {.attempts = 4, .backoff = Milliseconds{50}}});
  return types;
}

actors::JobOptions options() { return {.concurrency = queue_places}; }

bool is_final(const std::string& status) {
  return status == "succeeded" || status == "failed" || status == "cancelled";
}

class Jobs final : public perdure::testing::Workload {
 public:
  explicit Jobs(std::size_t clients) : deeds_(25, clients) {}
  ~Jobs() override { places_.clear(); }

  std::vector<Kind> kinds() override { return actors::job_kinds(types(), options()); }
  void setup() override {
    world().on_start([this] {
      places_.clear();
      for (const auto* type : {"steady", "flaky"}) {
        world().runtime().set_performer(
            std::string{"job."} + type,
            [this](std::shared_ptr<Effect> place) { begin(std::move(place)); }, type_places);
      }
      world().runtime().set_performer(
          "job_stop", [](const std::shared_ptr<Effect>& effect) { effect->finish(nullptr); });
    });
  }

  void step() override {
    watch();
    if (!places_.empty() && chance().one_in(3)) return move();
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto id = "j" + std::to_string(number);
    Json job{{"type", chance().one_in(3) ? "flaky" : "steady"},
             {"payload", {{"number", number}}},
             {"queue", chance().one_in(2) ? "a" : "b"},
             {"priority", static_cast<int>(chance().below(3))}};
    if (chance().one_in(3)) job["delay_ms"] = chance().below(3'000);
    Call create{.target = {"job", id}, .name = "create", .payload = std::move(job)};
    // One owner has more jobs than the others together.
    create.owner = chance().one_in(2) ? "ann" : chance().one_in(2) ? "bob" : "cho";
    create.idempotency_key = "job-" + id;
    request(create, [this, number, id](const Result<Reply>& reply) {
      expect(reply.has_value(), "no job: " + (reply ? std::string{} : to_string(reply.error())));
      deeds_.end(number);
      if (number % 4 == 0) cancel(id);
    });
  }
  bool finished() override {
    if (!deeds_.done() || cancelling_ > 0 || !places_.empty()) return false;
    watch();
    for (std::size_t i = 0; i < deeds_.count(); ++i) {
      if (!ended_.contains("j" + std::to_string(i))) return false;
    }
    return true;
  }
  std::string state() override {
    return deeds_.state() + ", " + std::to_string(ended_.size()) + " jobs are over, " +
           std::to_string(places_.size()) + " places are taken";
  }

  void check() override {
    watch();
    for (const auto* queue : {"a", "b"}) {
      const auto left =
          world().runtime().entries({"job_queue", queue}, EntryRange::prefix("turns/"));
      expect(!left || left->empty(), std::string{"somebody still has a turn in queue "} + queue);
    }
    const auto tallies = actors::job_tallies(world().runtime());
    if (!tallies) return expect(false, "no tallies");
    for (const auto& [queue, of_types] : *tallies) {
      for (const auto& [type, tally] : of_types) {
        expect(tally.running == 0 && tally.queued == 0,
               "queue " + queue + " still has jobs of type " + type + ": " + Json(tally).dump());
      }
    }
  }

 private:
  /// One who holds a place: what a runner knows of an attempt.
  struct Stay {
    std::shared_ptr<Effect> place;
    enum class Step { calling, working } step = Step::calling;
  };
  using Stays = std::map<std::uint64_t, Stay>;

  void begin(std::shared_ptr<Effect> place) {
    const auto payload = place->payload();
    const auto number = next_place_++;
    const ObjectId job{"job", payload.at("job")};
    places_.emplace(number, Stay{std::move(place)});
    world().runtime().call({.target = job, .name = "begin", .payload = payload},
                           [this, number, life = world().life()](const Result<Reply>& reply) {
                             if (life != world().life()) return;
                             if (!reply)
                               return leave(number, fail(ErrorCode::unavailable, "later"));
                             if (!reply->value.at("go").get<bool>())
                               return leave(number, reply->value.at("outcome"));
                             places_.at(number).step = Stay::Step::working;
                           });
  }

  /// Ends a piece of work.
  void move() {
    auto at = places_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(chance().below(places_.size())));
    if (at->second.step != Stay::Step::working) return;
    at->second.step = Stay::Step::calling;
    const auto number = at->first;
    const auto& stay = at->second.place->payload();
    Json report{{"run", stay.at("run")}, {"outcome", "succeeded"}, {"result", 1}};
    if (stay.at("type") == "flaky" && chance().one_in(2)) {
      report = {{"run", stay.at("run")},
                {"outcome", "failed"},
                {"error", {{"code", "unavailable"}, {"detail", "not yet"}}},
                {"retryable", true}};
    }
    world().runtime().call({.target = {"job", stay.at("job")}, .name = "finish", .payload = report},
                           [this, number, life = world().life()](const Result<Reply>& reply) {
                             if (life != world().life()) return;
                             if (!reply)
                               return leave(number, fail(ErrorCode::unavailable, "later"));
                             leave(number, reply->value);
                           });
  }

  void leave(std::uint64_t number, Result<Json> outcome) {
    auto place = places_.extract(number).mapped().place;
    place->finish(std::move(outcome));
  }

  void cancel(const std::string& id) {
    ++cancelling_;
    request({.target = {"job", id}, .name = "cancel", .idempotency_key = "cancel-" + id},
            [this](const auto&) { --cancelling_; });
  }

  /// Who is over stays so, and nobody has more places than there are.
  void watch() {
    if (!chance().one_in(20)) return;
    for (auto& turns : turns_) {
      if (const auto wrong = turns.look(world().runtime()); !wrong.empty()) expect(false, wrong);
    }
    std::map<std::string, std::size_t> running;
    for (std::size_t i = 0; i < deeds_.count(); ++i) {
      const auto id = "j" + std::to_string(i);
      const auto view = world().runtime().inspect({"job", id});
      if (!view) continue;
      const auto status = view->state.at("status").get<std::string>();
      const auto ended = ended_.find(id);
      expect(ended == ended_.end() || ended->second == status,
             id + " was over, and is " + status + " again");
      if (is_final(status)) ended_.emplace(id, status);
      if (status == "running") ++running["queue " + view->state.at("queue").get<std::string>()];
    }
    // A crash leaves jobs that say "running" while nobody runs them: the limit is one of attempts.
    for (const auto& [number, stay] : places_) {
      if (stay.place->cancelled()) continue;
      ++running["type " + stay.place->payload().at("type").get<std::string>()];
    }
    for (const auto& [name, count] : running) {
      const auto most = name.starts_with("queue") ? queue_places : type_places;
      expect(count <= most, name + " has " + std::to_string(count) + " jobs running");
    }
  }

  Deeds deeds_;
  std::array<JobTurns, 2> turns_{JobTurns{"a", options(), type_places},
                                 JobTurns{"b", options(), type_places}};
  int cancelling_ = 0;
  std::uint64_t next_place_ = 1;
  Stays places_;
  std::map<std::string, std::string> ended_;  ///< final states, by job
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_jobs(std::size_t clients) {
  return std::make_unique<Jobs>(clients);
}

}  // namespace perdure::sim
