// SPDX-License-Identifier: Apache-2.0
// Accounts that several clients try to open, and deposits that are sent again and again: an account
// is opened by one of them, and a key has one effect and one reply. (That all replies to a key are
// the same is the network's to check.)
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t accounts = 6;

struct Account {
  std::string email;
  std::string opened_by;
  std::map<std::string, int> deposits;  ///< effects, by deed
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Account, email, opened_by, deposits)

ObjectId account(std::size_t number) { return {"account", "a" + std::to_string(number)}; }

class Retries final : public perdure::testing::Workload {
 public:
  explicit Retries(std::size_t clients) : deeds_(60, 2 * clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Account>("account")
                .command("open",
                         [](Turn&, Account& self, const Json& form) {
                           self.email = form.at("email");
                           self.opened_by = form.at("by");
                           return self.opened_by;
                         },
                         {.creates = Creates::yes})
                .command("deposit", [](Turn&, Account& self,
                                       const std::string& deed) { return ++self.deposits[deed]; })
                .unique({.space = "account.email", .field = "email"})};
  }

  void step() override {
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto key = "deed-" + std::to_string(number);
    const auto which = chance().below(accounts);
    if (!opened_.contains(which) || chance().one_in(4)) return open(number, key, which);
    request({.target = account(which), .name = "deposit", .payload = key, .idempotency_key = key},
            [this, number, which, key](const Result<Reply>& reply) {
              deeds_.end(number);
              expect(reply && reply->value == 1, key + " had another effect than one");
              deposited_[which].insert(key);
            });
  }
  bool finished() override { return deeds_.done(); }
  std::string state() override { return deeds_.state(); }

  void check() override {
    for (const auto& [which, by] : opened_) {
      const auto view = world().runtime().inspect(account(which));
      if (!view) return expect(false, "an account that was opened is gone");
      const auto self = view->state.get<Account>();
      expect(self.opened_by == by, account(which).id + " was opened by " + self.opened_by +
                                       ", but " + by + " was told so");
      std::set<std::string> deposits;
      for (const auto& [deed, times] : self.deposits) {
        expect(times == 1, deed + " took effect " + std::to_string(times) + " times");
        deposits.insert(deed);
      }
      expect(deposits == deposited_[which], "deposits are lost, or from nowhere");
      const auto holder = world().runtime().holder("account.email", self.email);
      expect(holder && *holder == account(which), "somebody else has " + self.email);
    }
  }

 private:
  void open(std::size_t number, const std::string& key, std::size_t which) {
    // Two accounts want each address, so that one of them is refused whichever comes first.
    const auto email = "e" + std::to_string(which / 2 * 2 + chance().below(2)) + "@example.org";
    request({.target = account(which),
             .name = "open",
             .payload = {{"email", email}, {"by", key}},
             .idempotency_key = key},
            [this, number, which, key](const Result<Reply>& reply) {
              deeds_.end(number);
              if (!reply) {
                return expect(reply.error().code == ErrorCode::conflict,
                              "opening fails: " + to_string(reply.error()));
              }
              expect(opened_.emplace(which, key).second, account(which).id + " was opened twice");
            });
  }

  Deeds deeds_;
  std::map<std::size_t, std::string> opened_;  ///< by which deed
  std::map<std::size_t, std::set<std::string>> deposited_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_retries(std::size_t clients) {
  return std::make_unique<Retries>(clients);
}

}  // namespace perdure::sim
