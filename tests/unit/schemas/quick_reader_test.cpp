// SPDX-License-Identifier: Apache-2.0
// The quick reader beside the library: whatever it takes, the library takes to the same value.
#include "quick_reader.hpp"

#include <gtest/gtest.h>

#include <random>

namespace perdure {
namespace {

constexpr std::size_t depth_max = 8;

const std::string_view texts[] = {
    R"({"command":"add","payload":{"by":1}})",
    R"( [ 1 , -1 , 0 , -0 , 18446744073709551615 , -9223372036854775808 ] )",
    R"([18446744073709551616, -9223372036854775809, 1e400, 1e-400, 0.1, -2.5E+3, 12e-7])",
    R"(["", "\"\\\/\b\f\n\r\t", "\u00e9\u20ac\ud83d\ude00\u0000", "äö€😀"])",
    R"({"a":1,"a":{"b":[]},"":null})",
    R"([[[[[[[[true]]]]]]]])",
    R"([01, 1., .5, +1, 1e, --1, "\ud800", "\udc00x", "\ud800\u0041", "\x", "\u12g4"])",
    "\t\r\n\"text\"",
    "[false,null,true,tru]",
};

/// Types, too: 1 is not 1.0, and a number read as unsigned stays one.
bool same(const Json& a, const Json& b) {
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_structured()) {
    auto other = b.begin();
    for (auto item = a.begin(); item != a.end(); ++item, ++other) {
      if (a.is_object() && item.key() != other.key()) return false;
      if (!same(*item, *other)) return false;
    }
    return true;
  }
  return a == b;
}

TEST(QuickReader, agrees_with_the_library_on_what_it_takes) {
  std::mt19937 random{20261121};
  const std::string_view alphabet = "{}[]:,\"\\ 0123456789-+.eEtrufalsn/\t\x01\xC3\xA4\xFF";
  std::size_t taken = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text{texts[random() % std::size(texts)]};
    for (auto changes = random() % 4; changes > 0; --changes) {
      const auto at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = alphabet[random() % alphabet.size()]; break;
        case 1: text.insert(at, 1, alphabet[random() % alphabet.size()]); break;
        default: text.erase(at, 1 + random() % 3);
      }
      if (text.empty()) break;
    }
    Json value;
    if (!read_quickly(text, depth_max, value)) continue;
    ++taken;
    const auto expected = Json::parse(text, nullptr, false);
    ASSERT_FALSE(expected.is_discarded()) << text;
    ASSERT_TRUE(same(value, expected)) << text << "\nread as " << value;
  }
  EXPECT_GT(taken, 10'000U);
}

TEST(QuickReader, takes_what_clients_send) {
  for (const auto* text :
       {R"({"command":"add","payload":{"by":1}})", R"([1.5,-2,3e2])", R"("\u00e4\n\ud83d\ude00")",
        " {} ", "[]", "null", R"({"content":"Grüße"})"}) {
    Json value;
    EXPECT_TRUE(read_quickly(text, depth_max, value)) << text;
  }
}

TEST(QuickReader, keeps_the_bound_on_depth) {
  Json value;
  EXPECT_TRUE(read_quickly("[[],[[]]]", 3, value));
  EXPECT_FALSE(read_quickly("[[[[]]]]", 3, value));
  EXPECT_FALSE(read_quickly(R"({"a":{"b":[{}]}})", 3, value));
  EXPECT_TRUE(parse_json("[[[[]]]]", 4));
  EXPECT_FALSE(parse_json("[[[[]]]]", 3));
}

}  // namespace
}  // namespace perdure
