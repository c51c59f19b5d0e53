// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/utf8.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace perdure {
namespace {

/// What a naive encoder writes, surrogates and too large values included.
std::string encode(std::uint32_t code) {
  std::string bytes;
  const auto tail = [&](int shift) { bytes += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    bytes += static_cast<char>(code);
  } else if (code < 0x800) {
    bytes += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    bytes += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    bytes += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
  return bytes;
}

TEST(Utf8, takes_every_scalar_value_and_no_other) {
  for (std::uint32_t code = 0; code < 0x110200; ++code) {
    const bool is_scalar = code < 0xD800 || (code > 0xDFFF && code <= 0x10FFFF);
    ASSERT_EQ(is_valid_utf8(encode(code)), is_scalar) << std::hex << code;
  }
}

TEST(Utf8, refuses_overlong_forms) {
  for (const auto* text : {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF",
                           "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Utf8, refuses_sequences_that_are_cut_or_out_of_place) {
  for (const std::uint32_t code : {0x80U, 0x800U, 0xFFFFU, 0x10000U, 0x10FFFFU}) {
    const auto whole = encode(code);
    for (std::size_t length = 1; length < whole.size(); ++length) {
      const auto cut = whole.substr(0, length);
      EXPECT_FALSE(is_valid_utf8(cut)) << std::hex << code;
      EXPECT_FALSE(is_valid_utf8(cut + "a")) << std::hex << code;
    }
  }
  EXPECT_FALSE(is_valid_utf8("a\x80"));
  EXPECT_FALSE(is_valid_utf8("\xF5\x80\x80\x80"));
  EXPECT_FALSE(is_valid_utf8("\xFF"));
}

TEST(Utf8, takes_empty_text_and_nul) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8(std::string_view{"a\0b", 3}));
}

TEST(Utf8, is_cut_between_characters) {
  const std::string text = "a\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80z";
  const std::size_t whole[]{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t most = 0; most < std::size(whole); ++most) {
    EXPECT_EQ(cut_utf8(text, most).size(), whole[most]) << most;
  }
  // Bytes that are no text are cut all the same, and not to nothing.
  EXPECT_EQ(cut_utf8(std::string(100, '\x80'), 50).size(), 47u);
  EXPECT_EQ(cut_utf8(std::string(100, '\xFF'), 50).size(), 50u);
}

}  // namespace
}  // namespace perdure
