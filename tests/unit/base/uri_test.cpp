// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/uri.hpp"

#include <gtest/gtest.h>

#include "perdure/base/object_id.hpp"

namespace perdure {
namespace {

TEST(Uri, encodes_all_but_unreserved_characters_and_decodes_them_again) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/\xC3\xA9%"), "a%20b%2F%C3%A9%25");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode("%c3%A9"), "\xC3\xA9");
  for (const auto* bad : {"%", "%4", "a%4", "%G0", "%%41"}) {
    EXPECT_FALSE(percent_decode(bad)) << bad;
  }
}

TEST(Uri, knows_the_segments_that_parsers_take_out_of_paths) {
  for (const auto* dots : {".", "..", "%2e", "%2E", ".%2e", "%2E.", "%2e%2E"}) {
    EXPECT_TRUE(is_dot_segment(dots)) << dots;
    EXPECT_FALSE(validate({"counter", dots}).has_value()) << dots;
  }
  for (const auto* name : {"", "...", ".a", "a.", "%2", "%2f", "%252e", "%2e%2e%2e", "%2e.x"}) {
    EXPECT_FALSE(is_dot_segment(name)) << name;
  }
}

TEST(Uri, of_an_object_is_a_reference_that_leads_back_to_it) {
  for (const auto* id : {"a", "a b", "\xC3\xA9", "a/b?c#d%41"}) {
    const ObjectId object{"counter", id};
    const auto text = to_uri_reference(object);
    EXPECT_EQ(text, "/counter/" + percent_encode(id));
    EXPECT_EQ(from_uri_reference(text), object);
  }
  EXPECT_EQ(from_uri_reference("/counter/a b"), (ObjectId{"counter", "a b"})) << "of 0.1.0";
  EXPECT_EQ(from_uri_reference("/counter/100%"), (ObjectId{"counter", "100%"})) << "of 0.1.0";
  for (const auto* bad : {"", "/", "/counter", "counter/a", "a"}) {
    EXPECT_FALSE(from_uri_reference(bad)) << bad;
  }
}

}  // namespace
}  // namespace perdure
