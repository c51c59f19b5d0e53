// SPDX-License-Identifier: Apache-2.0
#include "http/header_scanner.hpp"

#include <gtest/gtest.h>

#include <string>

namespace perdure::http {
namespace {

constexpr std::string_view good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(HeaderScanner, finds_the_end_wherever_the_input_is_cut) {
  const Limits limits;
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    HeaderScanner scanner{limits};
    EXPECT_FALSE(scanner.advance(good.substr(0, cut)));
    EXPECT_FALSE(scanner.complete()) << cut;
    EXPECT_FALSE(scanner.advance(std::string{good} + "body"));
    EXPECT_TRUE(scanner.complete());
    EXPECT_EQ(scanner.end(), good.size());
  }
}

TEST(HeaderScanner, skips_one_empty_line_and_refuses_two) {
  const Limits limits;
  HeaderScanner scanner{limits};
  EXPECT_FALSE(scanner.advance("\r\n" + std::string{good}));
  EXPECT_EQ(scanner.begin(), 2U);
  EXPECT_EQ(scanner.end(), good.size() + 2);
  scanner.restart();
  EXPECT_TRUE(scanner.advance("\r\n\r\n" + std::string{good}));
}

TEST(HeaderScanner, refuses_as_soon_as_a_bound_is_passed) {
  const Limits limits{.header_bytes_max = 100, .url_bytes_max = 10, .header_fields_max = 2};
  const auto status = [&](std::string_view input) {
    HeaderScanner scanner{limits};
    const auto refusal = scanner.advance(input);
    return refusal ? refusal->status : 0;
  };
  EXPECT_EQ(status("GET /" + std::string(60, 'x')), 0);
  EXPECT_EQ(status("GET /" + std::string(70, 'x')), 414);
  EXPECT_EQ(status(std::string(80, 'G')), 501);
  EXPECT_EQ(status(std::string(80, 'G') + " / HTTP/1.1\r\n"), 501);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nX: " + std::string(100, 'x')), 431);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n"), 0);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n"), 431);
}

}  // namespace
}  // namespace perdure::http
