// SPDX-License-Identifier: Apache-2.0
// What follows when an attempt at an outbox item has ended.
#include "attempt_end.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

constexpr Tried message{.attempt = 1, .attempts_max = 3};
constexpr Tried last_of_message{.attempt = 3, .attempts_max = 3};
constexpr Tried effect{.is_effect = true, .is_asked = true, .attempt = 1, .attempts_max = 3};
constexpr Tried last_of_effect{
    .is_effect = true, .is_asked = true, .attempt = 3, .attempts_max = 3};
constexpr Tried unasked{.is_effect = true, .attempt = 3, .attempts_max = 3};

Result<Reply> refused(ErrorCode code) { return fail(code, ""); }
Result<Json> failed(ErrorCode code) { return fail(code, ""); }

TEST(AttemptEnds, remove_what_was_taken_whatever_the_reply_says) {
  EXPECT_EQ(after_call(message, Reply{}, false), AttemptEnd::removal);
  EXPECT_EQ(after_call(message, refused(ErrorCode::outcome_unknown), true), AttemptEnd::removal);
}

TEST(AttemptEnds, do_not_count_where_the_receiver_was_busy) {
  EXPECT_EQ(after_call(last_of_message, refused(ErrorCode::overloaded), false),
            AttemptEnd::same_again);
  EXPECT_EQ(after_effect(last_of_effect, failed(ErrorCode::overloaded)), AttemptEnd::same_again);
}

TEST(AttemptEnds, try_again_until_there_are_as_many_attempts_as_may_be) {
  EXPECT_EQ(after_call(message, refused(ErrorCode::internal), false), AttemptEnd::next_attempt);
  EXPECT_EQ(after_call(last_of_message, refused(ErrorCode::internal), false), AttemptEnd::burial);
  EXPECT_EQ(after_effect(effect, failed(ErrorCode::internal)), AttemptEnd::next_attempt);
}

TEST(AttemptEnds, tell_who_asked_what_an_effect_came_to) {
  EXPECT_EQ(after_effect(effect, Json{1}), AttemptEnd::handing_over);
  EXPECT_EQ(after_effect(unasked, Json{1}), AttemptEnd::handing_over) << "the item has to go";
  EXPECT_EQ(after_effect(effect, failed(ErrorCode::invalid)), AttemptEnd::handing_over)
      << "another attempt could not help";
  EXPECT_EQ(after_effect(last_of_effect, failed(ErrorCode::internal)), AttemptEnd::handing_over);
}

TEST(AttemptEnds, bury_what_nobody_wants_to_hear_of) {
  EXPECT_EQ(after_effect(unasked, failed(ErrorCode::invalid)), AttemptEnd::burial);
  EXPECT_EQ(after_effect(unasked, failed(ErrorCode::internal)), AttemptEnd::burial);
  auto result = last_of_effect;
  result.has_result = true;
  EXPECT_EQ(after_failure(result), AttemptEnd::burial) << "who asked has refused it";
}

TEST(AttemptEnds, try_a_dead_letter_for_as_long_as_it_takes) {
  auto buried = last_of_message;
  buried.is_buried = true;
  EXPECT_EQ(after_call(buried, refused(ErrorCode::internal), false), AttemptEnd::burial_again);
}

}  // namespace
}  // namespace perdure::runtime
