// SPDX-License-Identifier: Apache-2.0
#include "app/fields.hpp"

#include <gtest/gtest.h>

namespace perdure::api {
namespace {

TEST(Accept, takes_the_most_specific_range) {
  constexpr auto json = "application/json";
  EXPECT_GT(acceptance("", json), 0);
  EXPECT_GT(acceptance("text/html, */*;q=0.1", json), 0);
  EXPECT_GT(acceptance("APPLICATION/*", json), 0);
  EXPECT_EQ(acceptance("text/html", json), 0);
  EXPECT_EQ(acceptance("*/*, application/json;q=0", json), 0);
  EXPECT_EQ(acceptance("application/json; q=0.000, */*", json), 0);
  EXPECT_GT(acceptance("application/*;q=0, application/json", json), 0);
}

TEST(MediaType, may_name_utf_8_and_nothing_else) {
  constexpr auto json = "application/json";
  EXPECT_TRUE(is_media_type("application/json", json));
  EXPECT_TRUE(is_media_type("Application/JSON; charset=\"UTF-8\"", json));
  EXPECT_TRUE(is_media_type("application/json;charset=utf8", json));
  EXPECT_FALSE(is_media_type("application/json; charset=latin1", json));
  EXPECT_FALSE(is_media_type("application/jsonx", json));
}

TEST(TagList, compares_weakly_for_reads_and_strongly_for_changes) {
  const auto tags = parse_tags("\"3\", W/\"5\" , \"abc\"", "If-Match", 0).value();
  EXPECT_TRUE(tags.matches_strongly(3));
  EXPECT_FALSE(tags.matches_strongly(5));
  EXPECT_TRUE(tags.matches_weakly(5));
  EXPECT_FALSE(tags.matches_weakly(4));
  EXPECT_TRUE(parse_tags(" * ", "If-Match", 0)->matches_strongly(9));
}

TEST(TagList, of_another_line_of_history_fits_no_object) {
  constexpr std::uint32_t line = 0x5eed0001;
  EXPECT_EQ(format_tag(12, 0), "\"12\"");
  EXPECT_EQ(format_tag(12, line), "\"12.5eed0001\"");
  EXPECT_TRUE(parse_tags(format_tag(12, line), "If-Match", line)->matches_strongly(12));
  EXPECT_FALSE(parse_tags(format_tag(12, 0), "If-Match", line)->matches_strongly(12));
  EXPECT_FALSE(parse_tags(format_tag(12, line), "If-Match", 0)->matches_strongly(12));
  EXPECT_FALSE(parse_tags(format_tag(12, line + 1), "If-None-Match", line)->matches_weakly(12));
}

TEST(TagList, tells_what_is_beside_the_state_to_reads_and_not_to_changes) {
  constexpr std::uint32_t line = 0x5eed0001;
  EXPECT_EQ(opaque_tag(12, 0, "5"), "12~5");
  for (const auto number : {0U, line}) {
    const auto opaque = opaque_tag(12, number, "5");
    const auto tags = parse_tags('"' + opaque + '"', "If-Match", number).value();
    EXPECT_TRUE(tags.matches_strongly(12));
    EXPECT_TRUE(tags.find_weakly(opaque, http::Coding::as_is));
    EXPECT_FALSE(tags.find_weakly(opaque_tag(12, number), http::Coding::as_is));
  }
}

TEST(TagList, reads_over_empty_elements) {
  for (const auto* text : {",\"3\"", "\"3\",", " , ,\"3\" ,\t, \"4\",,"}) {
    const auto tags = parse_tags(text, "If-Match", 0);
    ASSERT_TRUE(tags) << text;
    EXPECT_TRUE(tags->matches_strongly(3)) << text;
  }
}

TEST(TagList, takes_the_tags_of_both_codings_for_one_thing) {
  const auto tags = parse_tags("W/\"3-gzip\", \"ab\"", "If-None-Match", 0).value();
  EXPECT_TRUE(tags.matches_weakly(3));
  EXPECT_FALSE(tags.matches_strongly(3));
  EXPECT_TRUE(parse_tags("\"3-gzip\"", "If-Match", 0)->matches_strongly(3));
  EXPECT_FALSE(parse_tags("\"3-gzip-gzip\"", "If-Match", 0)->matches_strongly(3));
  EXPECT_FALSE(parse_tags("\"-gzip\"", "If-Match", 0)->matches_strongly(0));
}

TEST(TagList, tells_the_tag_that_the_client_has) {
  const auto tags = parse_tags("W/\"3\", \"3-gzip\", \"ab\"", "If-None-Match", 0).value();
  EXPECT_EQ(tags.find_weakly("3", http::Coding::as_is), "\"3\"");
  EXPECT_EQ(tags.find_weakly("3", http::Coding::gzip), "\"3-gzip\"");
  EXPECT_EQ(tags.find_weakly("ab", http::Coding::gzip), "\"ab\"");
  EXPECT_FALSE(tags.find_weakly("4", http::Coding::as_is));
  const auto any = parse_tags("*", "If-None-Match", 0).value();
  EXPECT_EQ(any.find_weakly("3", http::Coding::as_is), "\"3\"");
  EXPECT_EQ(any.find_weakly("3", http::Coding::gzip), "\"3-gzip\"");
}

TEST(TagList, refuses_what_is_no_list_of_tags) {
  for (const auto* text : {"3", "", ",", " , ", "\"3", "\"3\" \"4\"", "w/\"3\"", "*, \"3\""}) {
    EXPECT_FALSE(parse_tags(text, "If-Match", 0)) << text;
  }
}

TEST(Traceparent, is_taken_only_when_valid) {
  EXPECT_TRUE(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(is_traceparent("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(is_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
  EXPECT_FALSE(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
}

}  // namespace
}  // namespace perdure::api
