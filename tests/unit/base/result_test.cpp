// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace perdure {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid, "odd");
  return number / 2;
}

Result<std::string> quarter(int number) {
  PERDURE_TRY(once, half(number));
  PERDURE_TRY(twice, half(once));
  return std::to_string(twice);
}

Result<void> must_be_even(int number) {
  PERDURE_TRY_VOID([&]() -> Result<void> {
    if (number % 2 != 0) return fail(ErrorCode::conflict, "odd");
    return {};
  }());
  return {};
}

TEST(Result, holds_a_value_or_an_error) {
  EXPECT_EQ(*half(4), 2);
  const auto failed = half(3);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::invalid);
  EXPECT_EQ(failed.error().detail, "odd");
}

TEST(Result, try_passes_the_first_error_on) {
  EXPECT_EQ(*quarter(8), "2");
  EXPECT_FALSE(quarter(6));
  EXPECT_FALSE(quarter(3));
  EXPECT_TRUE(must_be_even(2));
  EXPECT_EQ(must_be_even(1).error().code, ErrorCode::conflict);
}

TEST(Result, moves_values_that_cannot_be_copied) {
  Result<std::unique_ptr<int>> made{std::make_unique<int>(5)};
  const std::unique_ptr<int> taken = std::move(made).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, reading_the_side_that_is_not_there_aborts) {
  EXPECT_DEATH(static_cast<void>(half(3).value()), "validation_failed: odd");
  EXPECT_DEATH(static_cast<void>(half(4).error()), "holds a value");
  EXPECT_DEATH(must_be_even(1).value(), "conflict: odd");
}

TEST(CheckDeathTest, prints_condition_message_and_place) {
  EXPECT_DEATH(PERDURE_CHECK(1 + 1 == 3, "sums"), "1 \\+ 1 == 3 \\(sums\\) at .*result_test.cpp");
}

}  // namespace
}  // namespace perdure
