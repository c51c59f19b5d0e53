// SPDX-License-Identifier: Apache-2.0
// A bank: accounts whose commands are declared with their types, a transfer that is one commit, an
// error of the kind's own, commands that are not for everybody, and a customer as a coroutine.
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "perdure/runtime/executor.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/runtime/task.hpp"

namespace {

// [declarations]
struct Account {
  std::int64_t cents = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Account, cents)

struct Amount {
  std::int64_t cents = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Amount, cents)

struct InsufficientFunds {
  std::int64_t balance = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InsufficientFunds, balance)

inline constexpr perdure::KindName<Account> account{"account"};
inline constexpr perdure::Command<Account, Amount, std::int64_t> deposit{"deposit"};
inline constexpr perdure::Command<Account, Amount, std::int64_t> withdraw{"withdraw"};
inline constexpr perdure::Command<Account, Amount, std::int64_t> credit{"credit"};
inline constexpr perdure::Query<Account, void, std::int64_t> balance{"balance"};
inline constexpr perdure::ErrorType<InsufficientFunds> insufficient_funds{
    "insufficient_funds", 409, "The account has not enough money."};
// [/declarations]

// [kind]
std::int64_t add(perdure::Turn&, Account& self, const Amount& amount) {
  return self.cents += amount.cents;
}

const perdure::Kind account_kind =
    perdure::kind(account)
        .error(insufficient_funds)
        // Money comes in over the counter, and that is the program itself.
        .command(deposit, add, {.callers = perdure::Callers::host})
        // Who owns the account takes money out: nobody to whom it is merely granted.
        .command(withdraw,
                 [](perdure::Turn&, Account& self,
                    const Amount& amount) -> perdure::Result<std::int64_t> {
                   if (self.cents < amount.cents) {
                     return insufficient_funds({.balance = self.cents});
                   }
                   return self.cents -= amount.cents;
                 },
                 {.callers = perdure::Callers::owner})
        // Interest comes from the bank, an object, and from nobody else.
        .command(credit, add, {.callers = perdure::Callers::messages})
        .query(balance, [](const Account& self) { return self.cents; });
// [/kind]

struct Bank {
  std::int64_t rounds = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Bank, rounds)

inline constexpr perdure::KindName<Bank> bank{"bank"};
inline constexpr perdure::Command<Bank, std::vector<std::string>, std::int64_t> pay_interest{
    "pay_interest"};

const perdure::Kind bank_kind = perdure::kind(bank).command(
    pay_interest, [](perdure::Turn& turn, Bank& self, const std::vector<std::string>& accounts) {
      for (const auto& id : accounts) {
        turn.send(perdure::message_to(account, id, credit, {.cents = 1}));
      }
      return ++self.rounds;
    });

// [transfer]
/// Both accounts change, or none. What the handler returns is what the caller gets.
perdure::Future<perdure::Reply> transfer(perdure::Runtime& runtime, const std::string& from,
                                         const std::string& to, std::int64_t cents) {
  return runtime.transact(
      {account.object(from), account.object(to)},
      [=](perdure::Transaction& transaction) -> perdure::Result<perdure::Json> {
        PERDURE_TRY(left, perdure::run_step(transaction, account, from, withdraw, {cents}));
        PERDURE_TRY_VOID(perdure::run_step(transaction, account, to, deposit, {cents}));
        return left;
      });
}
// [/transfer]

const perdure::Principal ann{.role = perdure::Principal::Role::user, .user_id = "ann"};

// [customer]
/// Waits for its calls without a thread: it goes on where the handle says.
perdure::Task<perdure::Result<void>> visit(perdure::Runtime& runtime, perdure::Executor& here) {
  const auto anns = runtime.object(account, "ann").on(here);
  PERDURE_CO_TRY_VOID(co_await anns.owned_by("ann").call(deposit, {.cents = 1'000}));
  PERDURE_CO_TRY_VOID(co_await transfer(runtime, "ann", "bob", 400).on(here));
  const auto too_much = co_await transfer(runtime, "ann", "bob", 900).on(here);
  if (too_much) co_return perdure::fail({.detail = "money was made"});
  if (const auto refused = insufficient_funds.in(too_much.error())) {
    std::cout << "ann has not enough: " << refused->balance << '\n';
  }
  PERDURE_CO_TRY(left, co_await anns.ask(balance));
  std::cout << "ann: " << left << '\n';
  co_return perdure::Result<void>{};
}
// [/customer]

/// What is not for whom asks: forbidden, whoever asks in C++ or over HTTP.
perdure::Result<void> check_doors(perdure::Runtime& runtime) {
  const auto anns = runtime.object(account, "ann");
  const auto forbidden = [](const auto& reply) {
    return !reply && reply.error().code == perdure::ErrorCode::forbidden;
  };
  if (!forbidden(anns.as(ann).call(deposit, {.cents = 1}).get()) ||
      !forbidden(anns.call(credit, {.cents = 1}).get()) ||
      !anns.as(ann).call(withdraw, {.cents = 0}).get()) {
    return perdure::fail({.detail = "a door is open, or shut, that should not be"});
  }
  return {};
}

/// Messages arrive soon after the turn that sent them.
perdure::Result<void> take_interest(perdure::Runtime& runtime) {
  const auto bobs = runtime.object(account, "bob");
  PERDURE_TRY(before, bobs.ask(balance).get());
  PERDURE_TRY_VOID(runtime.object(bank, "main").call(pay_interest, {"ann", "bob"}).get());
  for (int i = 0; i < 1'000; ++i) {
    PERDURE_TRY(now, bobs.ask(balance).get());
    if (now == before + 1) {
      std::cout << "bob: " << now << '\n';
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return perdure::fail({.detail = "no interest came"});
}

perdure::Result<void> run(const std::string& directory) {
  PERDURE_TRY(runtime, perdure::Runtime::open({.data_dir = directory}, {account_kind, bank_kind}));
  // [loop]
  perdure::QueueExecutor here;  // this thread's; an event loop's post does as well
  std::optional<perdure::Result<void>> end;
  perdure::start(visit(*runtime, here), [&](perdure::Result<void> left) { end = left; });
  here.run_until([&] { return end.has_value(); });
  // [/loop]
  PERDURE_TRY_VOID(*end);
  PERDURE_TRY_VOID(check_doors(*runtime));
  return take_interest(*runtime);
}

}  // namespace

int main(int argc, char** argv) {
  const auto done = run(argc > 1 ? argv[1] : "data");
  if (done) return 0;
  std::cerr << "failed: " << to_string(done.error()) << '\n';
  return 1;
}
