// SPDX-License-Identifier: Apache-2.0
#include "http/frame_head.hpp"

#include <gtest/gtest.h>

namespace perdure::http {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

TEST(FrameHead, has_the_shortest_size_that_fits) {
  EXPECT_EQ(FrameHead(MessageKind::text, 0).view(), bytes({0x81, 0}));
  EXPECT_EQ(FrameHead(MessageKind::binary, 125).view(), bytes({0x82, 125}));
  EXPECT_EQ(FrameHead(MessageKind::text, 126).view(), bytes({0x81, 126, 0, 126}));
  EXPECT_EQ(FrameHead(MessageKind::text, 65'535).view(), bytes({0x81, 126, 0xFF, 0xFF}));
  EXPECT_EQ(FrameHead(MessageKind::text, 65'536).view(),
            bytes({0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
}

}  // namespace
}  // namespace perdure::http
