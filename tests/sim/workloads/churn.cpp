// SPDX-License-Identifier: Apache-2.0
// More counters than fit into memory, so that they hibernate all the time: each counts what it was
// told, and whoever asks sees at least what was acknowledged before. While writes have stopped,
// reads go on.
#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t counters = 24;

struct Tally {
  std::int64_t value = 0;
  std::string ballast;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Tally, value, ballast)

ObjectId tally(std::size_t number) { return {"tally", "t" + std::to_string(number)}; }

class Churn final : public perdure::testing::Workload {
 public:
  explicit Churn(std::size_t clients) : deeds_(120, 2 * clients), acknowledged_(counters, 0) {}

  std::vector<Kind> kinds() override {
    return {kind<Tally>("tally")
                .command("add",
                         [](Turn&, Tally& self, const std::int64_t& by) {
                           self.ballast = std::string(500, 'x');
                           return self.value += by;
                         })
                .command("require",
                         [](Turn& turn, Tally& self, const std::int64_t& least) {
                           turn.change_nothing();
                           if (self.value < least)
                             throw Failure{Error{.code = ErrorCode::conflict}};
                           return self.value;
                         })
                .query("value", [](const Tally& self) { return self.value; })
                .query("look", [](const View&, const Tally& self) { return self.value; })};
  }

  void step() override {
    if (!world().writable()) return look();
    if (chance().one_in(3)) return ask();
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto counter = chance().below(counters);
    const auto by = static_cast<std::int64_t>(1 + chance().below(5));
    request({.target = tally(counter),
             .name = "add",
             .payload = by,
             .idempotency_key = "churn-" + std::to_string(number)},
            [this, number, counter, by](const auto&) {
              deeds_.end(number);
              acknowledged_[counter] += by;
            });
  }
  bool finished() override { return deeds_.done() && asking_ == 0; }
  std::string state() override { return deeds_.state(); }

  void check() override {
    for (std::size_t i = 0; i < counters; ++i) {
      const auto view = world().runtime().inspect(tally(i));
      const auto value = view ? view->state.at("value").get<std::int64_t>() : 0;
      expect(value == acknowledged_[i], tally(i).id + " is " + std::to_string(value) + " after " +
                                            std::to_string(acknowledged_[i]));
    }
  }

 private:
  void ask() {
    if (asking_ > 3 || deeds_.done()) return;
    ++asking_;
    const auto counter = chance().below(counters);
    const auto before = acknowledged_[counter];
    Call call{.target = tally(counter), .type = CallType::query, .name = "value"};
    if (chance().one_in(3)) {
      call.type = CallType::command;
      call.name = "require";
      call.payload = before;
    }
    request(std::move(call), [this, counter, before](const Result<Reply>& reply) {
      --asking_;
      const auto value = reply ? reply->value.get<std::int64_t>() : 0;
      // One that nobody has added to yet does not exist.
      expect(value >= before, tally(counter).id + " shows " + std::to_string(value) + ", but " +
                                  std::to_string(before) + " was acknowledged" +
                                  (reply ? "" : ": " + to_string(reply.error())));
    });
  }
  /// Asked when nothing that it could wait for is on its way.
  void look() {
    if (world().runtime().stats().in_flight_calls > 0) return;
    const auto counter = chance().below(counters);
    world().runtime().call(
        {.target = tally(counter), .type = CallType::query, .name = "look"},
        [this, counter, life = world().life()](const Result<Reply>& reply) {
          if (life != world().life() || reply || reply.error().code == ErrorCode::not_found) return;
          expect(reply.error().detail.find("writes have stopped") == std::string::npos,
                 tally(counter).id + " cannot be read since writes have stopped");
        });
  }

  Deeds deeds_;
  std::vector<std::int64_t> acknowledged_;
  int asking_ = 0;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_churn(std::size_t clients) {
  return std::make_unique<Churn>(clients);
}

}  // namespace perdure::sim
