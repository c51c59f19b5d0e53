// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/codec.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace perdure {
namespace {

using std::string_literals::operator""s;

constexpr std::uint64_t edges[] = {0,
                                   1,
                                   127,
                                   128,
                                   16'383,
                                   16'384,
                                   1 << 28,
                                   std::uint64_t{1} << 63,
                                   std::numeric_limits<std::uint64_t>::max()};

TEST(Codec, reads_back_what_it_wrote) {
  for (const auto value : edges) {
    std::string bytes;
    put_be64(bytes, value);
    put_be32(bytes, static_cast<std::uint32_t>(value));
    put_varint(bytes, value);
    put_bytes(bytes, "a\0b"s);
    Reader in{bytes};
    EXPECT_EQ(in.be64(), value);
    EXPECT_EQ(in.be32(), static_cast<std::uint32_t>(value));
    EXPECT_EQ(in.varint(), value);
    EXPECT_EQ(in.bytes(), "a\0b"s);
    EXPECT_TRUE(in.done());
  }
}

TEST(Codec, fixed_integers_sort_as_numbers) {
  std::string previous;
  for (const auto value : edges) {
    std::string bytes;
    put_be64(bytes, value);
    EXPECT_LE(previous, bytes);
    previous = bytes;
  }
}

TEST(Codec, a_varint_in_a_longer_form_than_needed_is_refused) {
  for (const auto& bytes : {"\x80\0"s, "\x81\x80\0"s, "\xFF\xFF\0"s}) {
    Reader in{bytes};
    EXPECT_EQ(in.varint(), 0U);
    EXPECT_TRUE(in.failed());
  }
}

TEST(Codec, varints_are_as_long_as_leb128_says) {
  const auto length = [](std::uint64_t value) {
    std::string bytes;
    put_varint(bytes, value);
    return bytes.size();
  };
  EXPECT_EQ(length(0), 1U);
  EXPECT_EQ(length(127), 1U);
  EXPECT_EQ(length(128), 2U);
  EXPECT_EQ(length(std::numeric_limits<std::uint64_t>::max()), 10U);
}

TEST(Reader, fails_on_every_truncation) {
  std::string bytes;
  put_be64(bytes, 7);
  put_varint(bytes, 300);
  put_bytes(bytes, "payload");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Reader in{std::string_view{bytes}.substr(0, length)};
    in.be64();
    in.varint();
    in.bytes();
    EXPECT_TRUE(in.failed()) << length;
    EXPECT_FALSE(in.done()) << length;
  }
}

TEST(Reader, gives_zeros_once_it_has_failed) {
  Reader in{"\x01"};
  EXPECT_EQ(in.be32(), 0U);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.varint(), 0U);
  EXPECT_EQ(in.raw(1), "");
}

TEST(Reader, refuses_a_length_beyond_its_input) {
  std::string bytes;
  put_varint(bytes, std::numeric_limits<std::uint64_t>::max());
  bytes += "short";
  Reader in{bytes};
  EXPECT_EQ(in.bytes(), "");
  EXPECT_TRUE(in.failed());
}

TEST(Reader, refuses_varints_of_more_than_64_bits) {
  Reader one_bit_too_many{"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"};
  one_bit_too_many.varint();
  EXPECT_TRUE(one_bit_too_many.failed());
  Reader endless{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"};
  endless.varint();
  EXPECT_TRUE(endless.failed());
}

TEST(Reader, is_not_done_while_bytes_are_left) {
  Reader in{"ab"};
  EXPECT_EQ(in.raw(1), "a");
  EXPECT_FALSE(in.done());
  EXPECT_EQ(in.rest(), "b");
}

}  // namespace
}  // namespace perdure
