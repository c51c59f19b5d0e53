// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "fixture.hpp"

namespace perdure::actors {
namespace {

using Counter = KindsTest;
using Document = KindsTest;

const ObjectId counter{"counter", "a"};
const ObjectId document{"document", "a"};

TEST_F(Counter, adds_one_unless_told_otherwise_and_keeps_it_over_a_restart) {
  EXPECT_EQ(command(counter, "add"), 1);
  EXPECT_EQ(command(counter, "add", Json::object()), 2);
  EXPECT_EQ(command(counter, "add", {{"by", -5}}), -3);
  restart();
  EXPECT_EQ(query(counter, "value"), -3);
}

TEST_F(Counter, refuses_what_is_no_step_and_changes_nothing) {
  EXPECT_EQ(refusal(send(counter, "add", {{"by", 1.5}})), "invalid /by");
  EXPECT_EQ(refusal(send(counter, "add", {{"by", "1"}})), "invalid /by");
  EXPECT_EQ(refusal(send(counter, "add", {{"by", 18446744073709551615u}})), "invalid /by");
  EXPECT_EQ(refusal(send(counter, "add", {{"step", 1}})), "invalid /step");
  EXPECT_EQ(refusal(send(counter, "add", 1)), "invalid ");
  EXPECT_EQ(command(counter, "add"), 1);
}

TEST_F(Counter, refuses_a_sum_that_does_not_fit) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(command(counter, "add", {{"by", most}}), most);
  EXPECT_EQ(refusal(send(counter, "add")), "invalid /by");
  EXPECT_EQ(query(counter, "value"), most);
}

TEST_F(Counter, takes_only_states_that_are_counters) {
  EXPECT_TRUE(send(counter, "$create", {{"state", {{"value", 7}}}}).has_value());
  EXPECT_EQ(refusal(send(counter, "$replace", {{"value", "7"}})), "invalid /value");
  EXPECT_EQ(query(counter, "value"), 7);
}

TEST_F(Document, is_replaced_by_put_and_merged_by_patch) {
  EXPECT_EQ(command(document, "put", {{"a", 1}, {"b", {{"c", 2}}}}),
            Json({{"a", 1}, {"b", {{"c", 2}}}}));
  command(document, "patch", {{"a", nullptr}, {"b", {{"d", 3}}}});
  restart();
  EXPECT_EQ(query(document, "get"), Json({{"b", {{"c", 2}, {"d", 3}}}}));
  EXPECT_EQ(command(document, "put", Json::object()), Json::object());
}

TEST_F(Document, is_always_an_object) {
  EXPECT_EQ(refusal(send(document, "put", Json::array({1}))), "invalid ");
  EXPECT_EQ(refusal(send(document, "patch", 3)), "invalid ");
  EXPECT_EQ(refusal(send(document, "put")), "invalid ");
}

}  // namespace
}  // namespace perdure::actors
