// SPDX-License-Identifier: Apache-2.0
// What becomes of a submission when its batch is through.
#include "settlement.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

using storage::Health;
using storage::Outcome;

Settlement after(const Outcome& outcome) {
  return settlement_of(
      {.outcome = &outcome, .depends_on = 2, .committed = 1, .health = Health::writable});
}

Settlement after(ErrorCode code) { return after(Outcome{fail(code, "")}); }

Settlement of_reply(Seq depends_on, Seq committed, Health health = Health::writable) {
  return settlement_of(
      {.outcome = nullptr, .depends_on = depends_on, .committed = committed, .health = health});
}

TEST(Settlements, answer_what_is_durable) {
  EXPECT_EQ(after(Outcome{storage::Committed{}}), Settlement::answered);
  EXPECT_EQ(of_reply(1, 1), Settlement::answered);
  EXPECT_EQ(of_reply(1, 2), Settlement::answered) << "the object has moved on";
}

TEST(Settlements, run_again_what_was_built_on_a_refused_turn) {
  EXPECT_EQ(after(ErrorCode::stale_precondition), Settlement::runs_again);
  EXPECT_EQ(of_reply(2, 1), Settlement::runs_again);
}

TEST(Settlements, tell_a_caller_whose_turn_could_never_commit) {
  EXPECT_EQ(after(ErrorCode::conflict), Settlement::refused);
  EXPECT_EQ(after(ErrorCode::quota_exceeded), Settlement::refused);
  EXPECT_EQ(after(ErrorCode::unavailable), Settlement::refused);
}

TEST(Settlements, never_let_an_activation_go_on_that_may_be_wrong) {
  EXPECT_EQ(after(ErrorCode::outcome_unknown), Settlement::in_doubt);
  EXPECT_EQ(after(ErrorCode::stale_epoch), Settlement::outlived);
}

TEST(Settlements, do_not_run_a_reply_again_where_nothing_can_be_written) {
  EXPECT_EQ(of_reply(2, 1, Health::no_space), Settlement::stopped);
  EXPECT_EQ(of_reply(2, 1, Health::read_only), Settlement::stopped);
  EXPECT_EQ(of_reply(1, 1, Health::read_only), Settlement::answered);
}

}  // namespace
}  // namespace perdure::runtime
