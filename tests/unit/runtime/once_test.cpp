// SPDX-License-Identifier: Apache-2.0
// Promise 5: within its window an idempotency key gives one effect and one reply.
#include <set>

#include "fixture.hpp"

namespace perdure {
namespace {

class OnceTest : public RuntimeTest {
 protected:
  explicit OnceTest(RuntimeOptions options = {})
      : RuntimeTest({counter_kind(), note_kind(), account_kind()}, std::move(options)) {}

  static Call add(const std::string& key, std::int64_t by = 1, const std::string& id = "a") {
    return {.target = {"counter", id},
            .name = "add",
            .payload = Add{by},
            .principal = ann,
            .idempotency_key = key};
  }
};

TEST_F(OnceTest, a_retry_replays_the_reply_and_changes_nothing) {
  const auto first = runtime_->call(add("k")).get();
  const auto again = runtime_->call(add("k")).get();
  EXPECT_EQ(value(first), 1);
  EXPECT_EQ(value(again), 1);
  EXPECT_FALSE(first->replayed);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->meta.seq, first->meta.seq);
  EXPECT_EQ(again->meta.origin->owner.text(), "ann");
}

TEST_F(OnceTest, a_retry_after_a_restart_replays_too) {
  value(runtime_->call(add("k")).get());
  restart();
  EXPECT_EQ(value(runtime_->call(add("k")).get()), 1);
  EXPECT_EQ(value(ask("counter", "a", "value")), 1);
}

TEST_F(OnceTest, another_request_with_the_key_is_refused) {
  value(runtime_->call(add("k", 1)).get());
  EXPECT_EQ(code(runtime_->call(add("k", 2)).get()), ErrorCode::idempotency_key_reused);
}

TEST_F(OnceTest, the_key_is_the_principals_own) {
  value(runtime_->call(add("k")).get());
  auto call = add("k");
  call.principal = root;
  EXPECT_EQ(value(runtime_->call(call).get()), 2);
}

TEST_F(OnceTest, concurrent_creates_with_one_key_make_one_object) {
  std::vector<Future<Reply>> replies;
  for (int i = 0; i < 16; ++i) {
    auto call = add("create", 1, "id-" + std::to_string(i));
    call.idempotency_fingerprint = "POST /counters";
    replies.push_back(runtime_->call(std::move(call)));
  }
  std::set<std::string> made;
  for (auto& future : replies) {
    const auto reply = future.get();
    ASSERT_TRUE(reply);
    made.insert(reply->meta.object().id);
  }
  EXPECT_EQ(made.size(), 1U);
  EXPECT_EQ(runtime_->list({.kind = "counter"})->items.size(), 1U);
}

TEST_F(OnceTest, a_failed_call_does_not_spend_its_key) {
  auto failing = add("k");
  failing.name = "add_then_refuse";
  failing.payload = nullptr;
  EXPECT_EQ(code(runtime_->call(failing).get()), ErrorCode::conflict);
  EXPECT_EQ(value(runtime_->call(add("k")).get()), 1);
}

class OnceBounds : public OnceTest {
 protected:
  static constexpr int most = 10;

  OnceBounds()
      : OnceTest(
            {.idempotency_window = std::chrono::hours{24}, .quotas = {.idempotency_keys = most}}) {}

  void use_all() {
    for (int i = 0; i < most; ++i) value(runtime_->call(add(std::to_string(i))).get());
  }
  void expect_full(const std::string& key) {
    const auto refused = runtime_->call(add(key)).get();
    ASSERT_EQ(code(refused), ErrorCode::rate_limited);
    EXPECT_NE(refused.error().detail.find("quotas.idempotency_keys"), std::string::npos);
    ASSERT_TRUE(refused.error().retry_after);
    EXPECT_GT(*refused.error().retry_after, std::chrono::hours{18} - std::chrono::hours{1});
    EXPECT_LE(*refused.error().retry_after, std::chrono::hours{30});
  }
};

TEST_F(OnceBounds, refuse_one_key_too_many_and_replay_those_that_are_there) {
  use_all();
  expect_full("new");
  EXPECT_EQ(value(runtime_->call(add("3")).get()), 4) << "its reply is there";
  auto other = add("new", 1, "b");
  other.principal = bob;
  value(runtime_->call(other).get());
  auto without = add("");
  value(runtime_->call(without).get());
}

TEST_F(OnceBounds, are_the_same_after_a_restart) {
  use_all();
  restart();
  expect_full("new");
}

TEST_F(OnceBounds, are_exact_however_many_come_at_once) {
  std::vector<Future<Reply>> replies;
  for (int i = 0; i < 20 * most; ++i) {
    replies.push_back(runtime_->call(add(std::to_string(i), 1, "id-" + std::to_string(i % 7))));
  }
  int used = 0;
  for (auto& reply : replies) {
    const auto result = reply.get();
    used += result ? 1 : 0;
    if (!result) {
      EXPECT_EQ(result.error().code, ErrorCode::rate_limited);
    }
  }
  EXPECT_EQ(used, most);
}

TEST_F(OnceBounds, hold_for_no_administrator) {
  for (int i = 0; i <= most; ++i) {
    auto call = add(std::to_string(i));
    call.principal = root;
    value(runtime_->call(call).get());
  }
}

class ShortWindow : public OnceTest {
 protected:
  ShortWindow()
      : OnceTest(
            {.idempotency_window = std::chrono::seconds{1}, .quotas = {.idempotency_keys = 1}}) {}
};

TEST_F(ShortWindow, gives_a_key_back_when_it_has_passed) {
  value(runtime_->call(add("a")).get());
  EXPECT_EQ(code(runtime_->call(add("b")).get()), ErrorCode::rate_limited);
  EXPECT_TRUE(eventually([&] { return runtime_->call(add("b")).get().has_value(); }));
}

}  // namespace
}  // namespace perdure
