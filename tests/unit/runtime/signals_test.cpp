// SPDX-License-Identifier: Apache-2.0
// Signals: heard at most once, by who may read the object, and kept by nobody.
#include "perdure/runtime/signals.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using perdure::testing::World;

Kind room_kind() {
  return kind<Json>("room").command("open", [](Turn&, Json& self) { self = Json::object(); });
}

const ObjectId room{"room", "one"};
const Principal ann{.role = Principal::Role::user, .user_id = "ann"};
const Principal bob{.role = Principal::Role::user, .user_id = "bob"};

class SignalsTest : public ::testing::Test {
 protected:
  SignalsTest() { EXPECT_TRUE(world_.call({.target = room, .name = "open", .principal = ann})); }
  std::unique_ptr<Listener> listen(ListenOptions options = {}, const Principal& who = ann) {
    auto listener = signals().listen(room, who, options, [this] { ++woken_; });
    EXPECT_TRUE(listener);
    return std::move(*listener);
  }
  Result<std::size_t> send(std::string data, std::string key = {}, const Principal& who = ann) {
    return signals().send(room, {.name = "cursor", .key = std::move(key), .data = std::move(data)},
                          who);
  }
  static std::string take(Listener& listener) {
    const auto batch = listener.take();
    if (!batch) return to_string(batch.error());
    std::string text;
    for (const auto& signal : batch->signals) text += signal->data;
    return batch->dropped == 0 ? text : fmt::format("{} -{}", text, batch->dropped);
  }
  Signals& signals() { return world_.runtime().signals(); }

  World world_{1, {room_kind()}};
  int woken_ = 0;
};

TEST_F(SignalsTest, reach_each_listener_once_in_order_and_leave_nothing) {
  const auto one = listen();
  const auto other = listen();
  EXPECT_EQ(take(*one), "");
  EXPECT_EQ(*send("a"), 2U);
  EXPECT_EQ(*send("b"), 2U);
  EXPECT_EQ(woken_, 1) << "who waits is called once";
  EXPECT_EQ(take(*one), "ab");
  EXPECT_EQ(take(*one), "");
  EXPECT_EQ(take(*other), "ab");
  EXPECT_EQ(world_.runtime().inspect(room)->meta.seq, 1U);
  EXPECT_TRUE(world_.quiet());
  const auto late = listen();
  EXPECT_EQ(take(*late), "") << "nobody has kept them";
  world_.check_invariants();
}

TEST_F(SignalsTest, past_the_bound_the_oldest_go_and_are_counted) {
  const auto listener = listen({.capacity = 3});
  const auto quick = listen({.capacity = 100});
  for (const char* data : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(send(data));
  EXPECT_EQ(take(*listener), "cde -2");
  EXPECT_EQ(take(*listener), "") << "they are counted once";
  EXPECT_EQ(take(*quick), "abcde") << "others keep their pace";
  EXPECT_EQ(signals().listen(room, ann, {.capacity = 0}, [] {}).error().code, ErrorCode::invalid);
  EXPECT_EQ(send(std::string(limits::signal_bytes_max, 'x')).error().code, ErrorCode::too_large);
}

TEST_F(SignalsTest, of_a_key_are_replaced_by_the_newest_where_that_is_all_that_counts) {
  const auto listener = listen({.keep = ListenOptions::Keep::latest_value, .capacity = 2});
  ASSERT_TRUE(send("a1", "a"));
  ASSERT_TRUE(send("b1", "b"));
  for (int i = 2; i < 1'000; ++i) ASSERT_TRUE(send(fmt::format("a{}", i), "a"));
  EXPECT_EQ(take(*listener), "b1a999") << "none was dropped";
  ASSERT_TRUE(send("a", "a"));
  ASSERT_TRUE(send("b", "b"));
  ASSERT_TRUE(send("c", "c"));
  EXPECT_EQ(take(*listener), "bc -1");
}

TEST_F(SignalsTest, are_for_who_may_read_the_object) {
  EXPECT_EQ(signals().listen(room, bob, {}, [] {}).error().code, ErrorCode::not_found);
  const auto of_ann = listen();
  EXPECT_EQ(send("x", {}, bob).error().code, ErrorCode::not_found);
  const Json grant{{"grantee", {{"user_id", "bob"}}}, {"role", "viewer"}};
  ASSERT_TRUE(world_.call({.target = room, .name = "$share", .payload = grant, .principal = ann}));
  const auto of_bob = listen({}, bob);
  EXPECT_EQ(take(*of_bob), "");
  EXPECT_EQ(*send("b", {}, bob), 2U);
  ASSERT_TRUE(
      world_.call({.target = room, .name = "$unshare", .payload = grant, .principal = ann}));
  EXPECT_EQ(of_bob->take().error().code, ErrorCode::not_found);
  EXPECT_EQ(send("x", {}, bob).error().code, ErrorCode::not_found) << "who listened may not speak";
  EXPECT_EQ(take(*of_ann), "b");
  ASSERT_TRUE(world_.call({.target = room, .name = "$remove", .principal = ann}));
  EXPECT_EQ(of_ann->take().error().code, ErrorCode::not_found) << "they go with the object";
}

}  // namespace
}  // namespace perdure
