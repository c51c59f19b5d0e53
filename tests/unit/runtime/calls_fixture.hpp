// SPDX-License-Identifier: Apache-2.0
// A kind whose commands are declared with their types, on a runtime whose commits can be held.
#pragma once

#include <latch>

#include "fixture.hpp"
#include "perdure/runtime/executor.hpp"
#include "perdure/runtime/task.hpp"

namespace perdure {

struct Purse {
  std::int64_t coins = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Purse, coins)

struct Coins {
  std::int64_t count = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Coins, count)

struct TooFew {
  std::int64_t coins = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TooFew, coins)

inline constexpr KindName<Purse> purse{"purse"};
inline constexpr Command<Purse, Coins, std::int64_t> put{"put"};
inline constexpr Command<Purse, Coins, std::int64_t> take{"take"};
inline constexpr Command<Purse, void> empty{"empty"};
inline constexpr Query<Purse, void, std::int64_t> coins_in{"coins"};
inline constexpr Query<Purse, Coins, bool> has{"has"};
inline constexpr ErrorType<TooFew> too_few{"too_few_coins", 409, "There are too few coins."};

inline Kind purse_kind() {
  return kind(purse)
      .error(too_few)
      .command(put,
               [](Turn&, Purse& self, const Coins& coins) { return self.coins += coins.count; })
      .command(take,
               [](Turn&, Purse& self, const Coins& coins) -> Result<std::int64_t> {
                 if (self.coins < coins.count) return too_few({.coins = self.coins});
                 return self.coins -= coins.count;
               })
      .command(empty, [](Turn&, Purse& self) { self.coins = 0; })
      .query(coins_in, [](const Purse& self) { return self.coins; })
      .query(has, [](const Purse& self, const Coins& coins) { return self.coins >= coins.count; });
}

/// Holds the committer's thread until it is opened.
class Gate {
 public:
  void close() { is_open_ = false; }
  void open() {
    is_open_ = true;
    is_open_.notify_all();
  }
  void pass() const { is_open_.wait(false); }

 private:
  std::atomic<bool> is_open_{true};
};

class HeldCommits : public Hooks {
 public:
  /// Before anybody hears of a batch.
  void batch_committed(std::size_t /*turns*/, std::chrono::nanoseconds /*took*/) override {
    gate.pass();
  }
  void call_unheard(const ObjectId& object, std::string_view name, const Error& error) override {
    const std::scoped_lock lock{mutex_};
    unheard_.push_back(to_string(object) + ' ' + std::string{name} + ' ' +
                       std::string{name_of(error)});
  }
  [[nodiscard]] std::vector<std::string> unheard() {
    const std::scoped_lock lock{mutex_};
    return unheard_;
  }
  Gate gate;

 private:
  std::mutex mutex_;
  std::vector<std::string> unheard_;
};

class CallsTest : public RuntimeTest {
 protected:
  explicit CallsTest(std::vector<Kind> kinds = {purse_kind()}) : RuntimeTest(std::move(kinds)) {
    auto with = options();
    with.hooks = &hooks_;
    runtime_.reset();
    auto opened = Runtime::open(std::move(with), kinds_);
    EXPECT_TRUE(opened);
    runtime_ = std::move(*opened);
  }
  ~CallsTest() override {
    hooks_.gate.open();
    runtime_.reset();
  }
  Object<Purse> purse_of(const std::string& id) { return runtime_->object(purse, id); }

  HeldCommits hooks_;
};

}  // namespace perdure
