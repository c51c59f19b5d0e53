// SPDX-License-Identifier: Apache-2.0
#include "app/paths.hpp"

#include <gtest/gtest.h>

namespace perdure::api {
namespace {

std::string shown(std::string_view raw) {
  const auto path = Path::parse(raw);
  if (!path) return std::string{describe(path.error().code).name};
  std::string text;
  for (std::size_t i = 0; i < path->size(); ++i) text += "[" + std::string{(*path)[i]} + "]";
  return text;
}

TEST(Path, is_the_same_with_and_without_api_and_version) {
  EXPECT_EQ(shown("/notebooks/1"), "[notebooks][1]");
  EXPECT_EQ(shown("/api/notebooks/1"), "[notebooks][1]");
  EXPECT_EQ(shown("/api/v1/notebooks/1"), "[notebooks][1]");
  EXPECT_EQ(shown("/api/v1"), "");
  EXPECT_EQ(shown("/apiary"), "[apiary]");
  EXPECT_EQ(shown("/api/v10/x"), "[v10][x]");
}

TEST(Path, is_decoded_once_and_by_segment) {
  EXPECT_EQ(shown("/a%2Fb/c%2525"), "[a/b][c%25]");
  EXPECT_EQ(shown("/a+b"), "[a+b]");
}

TEST(Path, splits_an_object_id_at_its_first_colon) {
  EXPECT_EQ(shown("/durable-objects/counter:a:b/request"),
            "[durable-objects][counter][a:b][request]");
  EXPECT_EQ(shown("/durable-objects/counter%3Aa"), "[durable-objects][counter][a]");
  EXPECT_EQ(shown("/notebooks/x:y"), "[notebooks][x:y]");
}

TEST(Path, refuses_what_cannot_be_decoded) {
  for (const auto* raw : {"/a%", "/a%2", "/a%zz", "/a%00b", "/a%ff", "/a\xff"}) {
    EXPECT_EQ(shown(raw), "malformed") << raw;
  }
  EXPECT_EQ(shown("/1/2/3/4/5/6/7/8/9"), "not_found");
}

TEST(Query, is_read_as_a_form) {
  const auto values = parse_query("a=1+2&b=%26&&c").value();
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[0].value, "1 2");
  EXPECT_EQ(values[1].value, "&");
  EXPECT_EQ(values[2].value, "");
  EXPECT_FALSE(parse_query("a=%00"));
}

}  // namespace
}  // namespace perdure::api
