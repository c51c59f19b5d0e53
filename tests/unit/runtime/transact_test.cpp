// SPDX-License-Identifier: Apache-2.0
// Transactions: several objects change together or not at all, and nobody sees anything between.
#include <future>

#include "fixture.hpp"

namespace perdure {
namespace {

struct Account {
  std::int64_t balance = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Account, balance)

Kind account_kind() {
  return kind<Account>("account")
      .command("deposit",
               [](Turn&, Account& self, const Json& amount) {
                 return self.balance += amount.get<std::int64_t>();
               })
      .command("withdraw",
               [](Turn&, Account& self, const Json& amount) -> Result<std::int64_t> {
                 if (self.balance < amount) return fail(ErrorCode::conflict, "not enough money");
                 return self.balance -= amount.get<std::int64_t>();
               })
      .query("balance", [](const Account& self) { return self.balance; });
}

class Transactions : public RuntimeTest {
 protected:
  Transactions() : RuntimeTest({account_kind()}) {}

  Result<Reply> transact(std::vector<TransactionStep> steps, TransactionOptions options = {}) {
    std::promise<Result<Reply>> promise;
    runtime_->transact(std::move(steps), std::move(options),
                       [&](Result<Reply> reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }
  Result<Reply> transfer(const std::string& from, const std::string& to, int amount) {
    return transact(
        {{{"account", from}, "withdraw", amount}, {{"account", to}, "deposit", amount}});
  }
  std::int64_t balance(const std::string& id) {
    return value(ask("account", id, "balance")).get<std::int64_t>();
  }
};

TEST_F(Transactions, all_steps_commit_as_one_with_a_record_in_each_journal) {
  value(call("account", "a", "deposit", 10));
  EXPECT_EQ(value(transfer("a", "b", 4)), Json({6, 4}));
  EXPECT_EQ(balance("a"), 6);
  EXPECT_EQ(balance("b"), 4);
  EXPECT_EQ(runtime_->inspect({"account", "a"})->meta.seq, 2U);
  EXPECT_EQ(runtime_->inspect({"account", "b"})->meta.seq, 1U);
  restart();
  EXPECT_EQ(balance("a"), 6);
  EXPECT_EQ(balance("b"), 4);
}

TEST_F(Transactions, a_refused_step_undoes_the_others) {
  value(call("account", "a", "deposit", 10));
  const auto reply =
      transact({{{"account", "b"}, "deposit", 100}, {{"account", "a"}, "withdraw", 11}});
  EXPECT_EQ(code(reply), ErrorCode::conflict);
  EXPECT_EQ(balance("a"), 10);
  EXPECT_EQ(balance("b"), 0);
  value(call("account", "a", "deposit", 1));  // it is not held any more
  EXPECT_EQ(balance("a"), 11);
}

TEST_F(Transactions, steps_of_one_object_build_on_one_another) {
  EXPECT_EQ(value(transact({{{"account", "a"}, "deposit", 5},
                            {{"account", "a"}, "withdraw", 3},
                            {{"account", "a"}, "deposit", 1}})),
            Json({5, 2, 3}));
  EXPECT_EQ(runtime_->inspect({"account", "a"})->meta.seq, 3U);
}

TEST_F(Transactions, a_handler_decides_by_what_it_reads) {
  value(call("account", "a", "deposit", 10));
  std::promise<Result<Reply>> promise;
  runtime_->transact(
      {{"account", "a"}, {"account", "b"}},
      [](Transaction& transaction) -> Result<Json> {
        PERDURE_TRY(left, transaction.call({"account", "a"}, "withdraw", 10));
        if (left == 0) PERDURE_TRY_VOID(transaction.call({"account", "b"}, "deposit", 9));
        return left;
      },
      {}, [&](Result<Reply> reply) { promise.set_value(std::move(reply)); });
  EXPECT_EQ(value(promise.get_future().get()), 0);
  EXPECT_EQ(balance("b"), 9);
}

TEST_F(Transactions, an_object_that_was_not_named_is_refused) {
  std::promise<Result<Reply>> promise;
  runtime_->transact(
      {{"account", "a"}},
      [](Transaction& transaction) {
        return transaction.call({"account", "b"}, "deposit", 1);
      },
      {}, [&](Result<Reply> reply) { promise.set_value(std::move(reply)); });
  EXPECT_EQ(code(promise.get_future().get()), ErrorCode::invalid);
}

TEST_F(Transactions, unknown_commands_kinds_and_empty_lists_are_refused) {
  EXPECT_EQ(code(transact({{{"account", "a"}, "rob", 1}})), ErrorCode::not_found);
  EXPECT_EQ(code(transact({{{"bank", "a"}, "deposit", 1}})), ErrorCode::not_found);
  EXPECT_EQ(code(transact({})), ErrorCode::invalid);
}

TEST_F(Transactions, an_idempotency_key_gives_one_effect_and_one_reply) {
  const std::vector<TransactionStep> steps{{{"account", "a"}, "deposit", 5}};
  const auto first = transact(steps, {.idempotency_key = "k"});
  const auto second = transact(steps, {.idempotency_key = "k"});
  EXPECT_EQ(value(first), Json({5}));
  EXPECT_EQ(value(second), Json({5}));
  EXPECT_TRUE(second->replayed);
  EXPECT_EQ(balance("a"), 5);
  EXPECT_EQ(code(transact({{{"account", "a"}, "deposit", 6}}, {.idempotency_key = "k"})),
            ErrorCode::idempotency_key_reused);
}

TEST_F(Transactions, a_stranger_cannot_reach_objects_of_others) {
  value(runtime_->object("account", "a")
            .send({.name = "deposit", .payload = 5, .principal = ann})
            .get());
  EXPECT_EQ(code(transact({{{"account", "a"}, "withdraw", 5}}, {.principal = bob})),
            ErrorCode::not_found);
}

TEST_F(Transactions, transfers_in_a_ring_neither_make_nor_lose_money) {
  constexpr int accounts = 5;
  constexpr int rounds = 200;
  for (int i = 0; i < accounts; ++i) value(call("account", std::to_string(i), "deposit", 100));
  std::atomic<int> done{0};
  std::vector<Future<Reply>> deposits;
  for (int i = 0; i < rounds; ++i) {
    const ObjectId from{"account", std::to_string(i % accounts)};
    const ObjectId to{"account", std::to_string((i * 3 + 1) % accounts)};
    runtime_->transact({{from, "withdraw", 7}, {to, "deposit", 7}}, {},
                       [&](const Result<Reply>&) { ++done; });
    if (i % 10 == 0) deposits.push_back(runtime_->object("account", "0").call("deposit", 1));
  }
  EXPECT_TRUE(eventually([&] { return done == rounds; }));
  for (auto& deposit : deposits) value(deposit.get());
  std::int64_t sum = 0;
  for (int i = 0; i < accounts; ++i) sum += balance(std::to_string(i));
  EXPECT_EQ(sum, accounts * 100 + rounds / 10);
}

}  // namespace
}  // namespace perdure
