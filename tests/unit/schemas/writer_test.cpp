// SPDX-License-Identifier: Apache-2.0
// The writer beside the library: equal values give equal texts, byte by byte.
#include "writer.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>

namespace perdure {
namespace {

std::string written(const Json& value) {
  std::string text;
  write_json(text, value);
  return text;
}

std::string expected(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TEST(Writer, writes_what_the_library_writes) {
  const Json values[] = {
      nullptr,
      true,
      Json::object(),
      Json::array(),
      {{"b", 1}, {"a", {{"", Json::array({Json::object(), Json::array()})}}}},
      {0, -1, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::uint64_t>::max()},
      {0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, 123456789012345680.0, 1.0 / 3},
      std::numeric_limits<double>::infinity(),
      std::numeric_limits<double>::quiet_NaN(),
      "äö€😀 \x7F / \"quoted\" \\",
      std::string{"\0\x01\x1F\b\f\n\r\t", 8},
      "broken \xC3( \xFF",
  };
  for (const auto& value : values) EXPECT_EQ(written(value), expected(value));
}

TEST(Writer, agrees_with_the_library_on_any_bytes) {
  std::mt19937 random{20261121};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto size = random() % 12; size > 0; --size) {
      // Half of them from where the interesting ones are.
      const auto byte = random() % 2 == 0 ? random() % 256 : 0x80 + random() % 0x50;
      text += static_cast<char>(byte);
    }
    const Json value{{text, text},
                     {"n", std::bit_cast<double>(std::uint64_t{random()} << 32 | random())}};
    ASSERT_EQ(written(value), expected(value));
  }
}

}  // namespace
}  // namespace perdure
