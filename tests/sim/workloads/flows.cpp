// SPDX-License-Identifier: Apache-2.0
// Tills that pay each other by asking, and errands that carry money between them with a sleep and a
// step on the way: money is neither made nor lost, each payment is made once, and what a step came
// to never changes.
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t tills = 4;
constexpr std::int64_t funds = 1'000;

struct Till {
  std::int64_t balance = funds;
  std::int64_t paid = 0;  ///< how often
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Till, balance, paid)

struct Errand {
  std::int64_t tossed = 0;
  std::int64_t done = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Errand, tossed, done)

std::string till(std::size_t number) { return "t" + std::to_string(number % tills); }

Flow<std::int64_t> pay(FlowContext& flow, Till& self, const Json& bill) {
  const auto amount = bill.at("amount").get<std::int64_t>();
  const auto given = co_await flow.ask("till", bill.at("to").get<std::string>(), "move", amount);
  if (!given) throw Failure(given.error());
  // It passes through a third one, which asks as well.
  const auto via = bill.value("via", "");
  if (!via.empty()) {
    const Json rest{{"to", bill.at("to")}, {"amount", amount}};
    static_cast<void>(co_await flow.ask("till", via, "pay", rest));
  }
  self.balance -= amount;
  co_return ++self.paid;
}

class Flows final : public perdure::testing::Workload {
 public:
  explicit Flows(std::size_t clients) : deeds_(60, clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Till>("till")
                .command("pay", pay)
                .command("move", [](Turn&, Till& self,
                                    std::int64_t amount) { return self.balance += amount; }),
            kind<Errand>("errand")
                .command("run",
                         [this](FlowContext& flow, const Json& errand) -> Flow<Json> {
                           return run(flow, errand);
                         })
                .command("note", [](Turn&, Errand& self, std::int64_t tossed) {
                  self.tossed = tossed;
                  ++self.done;
                })};
  }

  void step() override {
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto key = "flow-" + std::to_string(number);
    const Json bill{{"from", till(number)},
                    {"to", till(number * 7 + 1)},
                    {"via", number % 4 == 0 ? till(number + 2) : ""},
                    {"amount", static_cast<std::int64_t>(chance().below(9)) + 1}};
    Call call{.target = {"till", till(number)}, .name = "pay", .payload = bill};
    if (number % 3 == 0) call = {.target = errand(number), .name = "run", .payload = bill};
    call.idempotency_key = key;
    request(std::move(call), [this, number](const Result<Reply>& reply) {
      const bool is_circle = !reply && reply.error().code == ErrorCode::conflict;
      expect(reply || is_circle,
             "a flow came to nothing: " + (reply ? std::string{} : to_string(reply.error())));
      if (number % 3 == 0) expect(reply.has_value(), "an errand met a circle");
      deeds_.end(number);
    });
  }
  bool finished() override { return deeds_.done(); }
  std::string state() override { return deeds_.state(); }

  void check() override {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < tills; ++i) {
      const auto view = world().runtime().inspect({"till", till(i)});
      sum += view ? view->state.get<Till>().balance : funds;
    }
    expect(sum == static_cast<std::int64_t>(tills) * funds, "there are " + std::to_string(sum));
    for (std::size_t number = 0; number < deeds_.count(); number += 3) {
      const auto view = world().runtime().inspect(errand(number));
      const auto state = view ? view->state.get<Errand>() : Errand{};
      expect(state.done == 1,
             errand(number).id + " was run " + std::to_string(state.done) + " times");
      expect(tosses_[errand(number).id].contains(state.tossed), "nobody tossed that");
    }
  }

 private:
  static ObjectId errand(std::size_t number) { return {"errand", "e" + std::to_string(number)}; }

  Flow<Json> run(FlowContext& flow, const Json& errand) {
    const auto amount = errand.at("amount").get<std::int64_t>();
    const auto id = flow.object().id;
    const auto tossed = co_await flow.step<std::int64_t>("toss", [&] {
      const auto number = ++last_toss_;
      tosses_[id].insert(number);
      return number;
    });
    const auto first = *tossed;
    co_await insist(flow, "till", errand.at("from").get<std::string>(), "move", -amount);
    co_await flow.sleep(Milliseconds{700});
    co_await insist(flow, "till", errand.at("to").get<std::string>(), "move", amount);
    co_await insist(flow, "errand", id, "note", first);
    co_return first;
  }
  /// What is refused for now is asked for again.
  static Flow<void> insist(FlowContext& flow, std::string kind, std::string id, std::string command,
                           std::int64_t payload) {
    for (;;) {
      const auto answer = co_await flow.ask(kind, id, command, payload);
      if (answer) co_return;
      co_await flow.sleep(Milliseconds{200});
    }
  }

  Deeds deeds_;
  std::int64_t last_toss_ = 0;
  std::map<std::string, std::set<std::int64_t>> tosses_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_flows(std::size_t clients) {
  return std::make_unique<Flows>(clients);
}

}  // namespace perdure::sim
