// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/error.hpp"

#include <gtest/gtest.h>

#include <set>

#include "perdure/base/error_table.hpp"

namespace perdure {
namespace {

constexpr int code_count = static_cast<int>(ErrorCode::internal) + 1;

TEST(ErrorTable, names_are_unique_and_lead_back) {
  std::set<std::string_view> names;
  for (int i = 0; i < code_count; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const auto& traits = describe(code);
    EXPECT_TRUE(names.insert(traits.name).second) << traits.name;
    EXPECT_EQ(error_code_from(traits.name), code);
  }
  EXPECT_EQ(error_code_from("no_such_code"), std::nullopt);
}

TEST(ErrorTable, every_status_is_an_error_and_a_retry_is_asked_for_by_status_alone) {
  for (const auto& row : error_table()) {
    const auto& traits = row.traits;
    EXPECT_GE(traits.http_status, 400) << traits.name;
    EXPECT_LT(traits.http_status, 600) << traits.name;
    const bool asks_for_retry =
        traits.http_status == 408 || traits.http_status == 429 || traits.http_status == 503;
    EXPECT_EQ(traits.retry == Retry::yes, asks_for_retry) << traits.name;
    EXPECT_EQ(row.fields.starts_with("Retry-After"), asks_for_retry && row.code) << traits.name;
  }
}

TEST(ErrorTable, has_each_code_once_and_says_what_to_do_about_it) {
  std::set<std::string_view> names;
  for (const auto& row : error_table()) {
    const auto name = row.traits.name;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(find_error_row(name), &row);
    EXPECT_EQ(error_code_from(name), row.code) << name;
    EXPECT_TRUE(row.meaning.ends_with('.')) << name;
    EXPECT_TRUE(row.advice.ends_with('.')) << name;
  }
  EXPECT_EQ(find_error_row("no_such_code"), nullptr);
}

TEST(ErrorTable, only_an_unknown_outcome_may_have_been_committed) {
  for (int i = 0; i < code_count; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(describe(code).committed != Committed::no, code == ErrorCode::outcome_unknown);
  }
}

TEST(Error, text_holds_code_detail_and_fields) {
  Error error{.code = ErrorCode::invalid, .detail = "no"};
  error.fields.push_back({"/title", "required", "is required"});
  EXPECT_EQ(to_string(error), "validation_failed: no; /title: is required");
}

}  // namespace
}  // namespace perdure
