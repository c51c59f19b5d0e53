// SPDX-License-Identifier: Apache-2.0
#include "pattern.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace perdure {
namespace {

struct Case {
  const char* expression;
  const char* found;
  const char* not_found;
};

const Case cases[] = {
    {R"(^a.c$)", "aéc", "a\nc"},
    {R"(^.$)", "💩", "\r"},
    {R"(^\s+$)", "\t \u00a0\ufeff\u2028", "\u200b"},
    {R"(^\S+$)", "a\u200b", "a\u00a0"},
    {R"(^[\s\d]+$)", "1 2\v3", "1a"},
    {R"(^[\S]$)", "é", "\u3000"},
    {R"(^[^\s]$)", "x", "\u3000"},
    {R"(^[\s\S]$)", "\n", ""},
    {R"(^\d+$)", "123", "\u0967"},
    {R"(^\w+$)", "aZ_9", "é"},
    {R"(\bfoo\b)", "a foo b", "afoob"},
    {R"(^\u0041\x42\u{1F4A9}$)", "AB💩", "AB"},
    {R"(^\ud83d\udca9$)", "💩", "x"},
    {R"(^\cA\0?$)", "\x01", "A"},
    {R"(^\p{Lu}\P{Lu}$)", "Éa", "éA"},
    {R"(^(?:a|b){2,3}$)", "aba", "a"},
    {R"(^(?<year>\d{4})$)", "2026", "202"},
    {R"(^[[a]$)", "[", ":"},
    {R"(^[\b]$)", "\b", "b"},
    {R"(^\/\-\.\^$)", "/-.^", "x"},
    {R"(^[[:alpha:]]$)", "a]", "b"},
};

TEST(Pattern, means_what_ecma_262_says) {
  for (const auto& [expression, found, not_found] : cases) {
    const auto pattern = Pattern::compile(expression);
    ASSERT_TRUE(pattern) << expression << ' ' << to_string(pattern.error());
    EXPECT_TRUE(pattern->found_in(found)) << expression;
    EXPECT_FALSE(pattern->found_in(not_found)) << expression;
  }
}

TEST(Pattern, refuses_what_has_no_linear_time_or_no_meaning) {
  for (const auto* expression : {R"((a)\1)",
                                 R"((?=a))",
                                 R"((?!a))",
                                 R"((?<=a))",
                                 R"((?<!a))",
                                 R"(\k<n>)",
                                 R"((?i)a)",
                                 R"(\Aa)",
                                 R"(a\z)",
                                 R"(\Qa)",
                                 R"(\C)",
                                 "[]",
                                 "[^]",
                                 "(",
                                 "[a",
                                 "a{2,1}",
                                 "*",
                                 "\\",
                                 R"(\u12)",
                                 R"(\u{110000})",
                                 R"(\u{})",
                                 R"(\c1)",
                                 "(a{1000}){1000}"}) {
    EXPECT_FALSE(Pattern::compile(expression)) << expression;
  }
  EXPECT_FALSE(Pattern::compile(std::string(1'001, 'a')));
}

TEST(Pattern, takes_linear_time_where_others_take_exponential) {
  const auto pattern = Pattern::compile("^(a+)+$");
  ASSERT_TRUE(pattern);
  const std::string text = std::string(1'000'000, 'a') + 'b';
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(pattern->found_in(text));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{10});
}

}  // namespace
}  // namespace perdure
