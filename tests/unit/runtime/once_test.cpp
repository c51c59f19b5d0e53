// SPDX-License-Identifier: Apache-2.0
// Promise 5: within its window an idempotency key gives one effect and one reply.
#include <set>

#include "fixture.hpp"

namespace perdure {
namespace {

class OnceTest : public RuntimeTest {
 protected:
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
  std::vector<std::future<Result<Reply>>> replies;
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

}  // namespace
}  // namespace perdure
