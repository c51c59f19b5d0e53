// SPDX-License-Identifier: Apache-2.0
// Purses that give each other money, in messages and in transactions: it is neither made nor lost.
#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t purses = 4;
constexpr std::int64_t funds = 1'000;

struct Purse {
  std::int64_t balance = funds;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Purse, balance)

ObjectId purse(std::size_t number) { return {"purse", "p" + std::to_string(number % purses)}; }

class Transfer final : public perdure::testing::Workload {
 public:
  explicit Transfer(std::size_t clients) : deeds_(60, clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Purse>("purse")
                .command("give",
                         [](Turn& turn, Purse& self, const Json& gift) {
                           self.balance -= gift.at("amount").get<std::int64_t>();
                           turn.send({.to = {"purse", gift.at("to")},
                                      .command = "move",
                                      .payload = gift.at("amount")});
                         })
                .command("move",
                         [](Turn&, Purse& self, const Json& amount) {
                           self.balance += amount.get<std::int64_t>();
                           return self.balance;
                         })
                .query("balance", [](const Purse& self) { return self.balance; })};
  }
  void setup() override { transfers_.emplace(world()); }

  void step() override {
    transfers_->step();
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto key = "transfer-" + std::to_string(number);
    const auto from = purse(number);
    const auto to = purse(number * 7 + 1);
    const auto amount = static_cast<std::int64_t>(chance().below(9)) + 1;
    if (number % 6 == 0) {
      return transfers_->begin(
          [this, from, to, amount, key](ReplyHandler done) {
            world().runtime().transact_found(
                [from, to, amount](Transaction& transaction) -> Result<Json> {
                  PERDURE_TRY_VOID(transaction.call(from, "move", -amount));
                  return transaction.call(to, "move", amount);
                },
                {.idempotency_key = key, .idempotency_fingerprint = key}, std::move(done));
          },
          [this, number](const Reply&) { deeds_.end(number); });
    }
    if (number % 3 == 0) {
      return transfers_->begin(
          [this, from, to, amount, key](ReplyHandler done) {
            world().runtime().transact({{from, "move", -amount}, {to, "move", amount}},
                                       {.idempotency_key = key}, std::move(done));
          },
          [this, number](const Reply&) { deeds_.end(number); });
    }
    request({.target = from,
             .name = "give",
             .payload = {{"to", to.id}, {"amount", amount}},
             .idempotency_key = key},
            [this, number](const auto&) { deeds_.end(number); });
  }
  bool finished() override { return deeds_.done(); }
  std::string state() override { return deeds_.state(); }

  void check() override {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < purses; ++i) {
      const auto view = world().runtime().inspect(purse(i));
      sum += view ? view->state.get<Purse>().balance : funds;
    }
    expect(sum == static_cast<std::int64_t>(purses) * funds,
           "of " + std::to_string(funds * static_cast<std::int64_t>(purses)) + " there are " +
               std::to_string(sum));
  }

 private:
  Deeds deeds_;
  std::optional<Insistent> transfers_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_transfer(std::size_t clients) {
  return std::make_unique<Transfer>(clients);
}

}  // namespace perdure::sim
