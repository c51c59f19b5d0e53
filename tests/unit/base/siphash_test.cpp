// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/siphash.hpp"

#include <gtest/gtest.h>

#include <string>

#include "perdure/base/crypto.hpp"

namespace perdure {
namespace {

std::string tag_of(std::string_view text) {
  const SipTag tag = siphash({0x0706050403020100, 0x0F0E0D0C0B0A0908}, text);
  return to_hex({reinterpret_cast<const char*>(tag.data()), sizeof tag});
}

TEST(SipHash, gives_the_published_tags) {
  EXPECT_EQ(tag_of(""), "a3817f04ba25a8e66df67214c7550293");
  std::string ascending;
  for (char c = 0; c < 15; ++c) ascending += c;
  EXPECT_EQ(tag_of(ascending), "5493e99933b0a8117e08ec0f97cfc3d9");
  EXPECT_EQ(tag_of("abcdefgh"), "8c93e201ac8e8396897e3133e447eda3");
}

TEST(SipHash, depends_on_every_byte_of_text_and_key) {
  const std::string text(21, 'x');
  const SipKey key{1, 2};
  const auto tag = siphash(key, text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto other = text;
    other[i] = 'y';
    EXPECT_NE(siphash(key, other), tag) << i;
  }
  EXPECT_NE(siphash(key, text + '\0'), tag);
  EXPECT_NE(siphash({1, 3}, text), tag);
  EXPECT_NE(siphash({0, 2}, text), tag);
}

}  // namespace
}  // namespace perdure
