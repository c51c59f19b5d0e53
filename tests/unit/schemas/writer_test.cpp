// SPDX-License-Identifier: Apache-2.0
// The writer beside the library: equal values give equal texts, byte by byte.
#include "writer.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "perdure/schemas/write_json.hpp"

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
    const Json value{{text, text}};
    ASSERT_EQ(written(value), expected(value));
  }
}

TEST(Writer, writes_doubles_as_the_library_does_but_never_longer) {
  std::mt19937_64 random{20261130};
  std::size_t shorter = 0;
  for (int round = 0; round < 100'000; ++round) {
    auto value = std::bit_cast<double>(random());
    if (round % 2 == 0) value = static_cast<double>(random() % 1'000'000'000) / 4096.0;
    if (round % 16 == 0) value = std::ldexp(value, static_cast<int>(random() % 200) - 100);
    const auto text = written(value);
    ASSERT_LE(text.size(), expected(value).size()) << text;
    shorter += text.size() < expected(value).size();
    if (std::isfinite(value)) {
      ASSERT_EQ(parse_json(text).value(), Json(value)) << text;
      ASSERT_EQ(parse_json(expected(value)).value(), Json(value))
          << "as an earlier version wrote it";
    }
    ASSERT_EQ(serialized_size(Json(value)), text.size());
    if (text.size() == expected(value).size() && text.size() < 17) {
      ASSERT_EQ(text, expected(value));
    }
  }
  EXPECT_GT(shorter, 0U) << "the library is always as short: then it may write";
  EXPECT_EQ(written(1e23), "1e+23");
  EXPECT_EQ(written(123456789012345.0), "123456789012345.0");
  EXPECT_EQ(written(0.00012), "0.00012");
  EXPECT_EQ(written(-0.000012), "-1.2e-05");
}

}  // namespace
}  // namespace perdure
