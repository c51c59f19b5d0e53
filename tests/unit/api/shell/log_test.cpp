// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/shell/log.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "perdure/schemas/json.hpp"

namespace perdure::shell {
namespace {

const Timestamp at = from_unix_ms(1'795'231'831'000);

TEST(Log, writes_json_lines_with_the_members_that_operators_know) {
  const auto line = render_log_line(LogFormat::json, at, LogLevel::warning,
                                    {.logger = "http",
                                     .message = "slow",
                                     .request_id = "r-1",
                                     .fields = {{"status", std::int64_t{503}}, {"seconds", 1.5}}});
  EXPECT_EQ(line, R"({"timestamp":"2026-11-21T03:30:31.000Z","level":"WARNING","logger":"http",)"
                  R"("message":"slow","request_id":"r-1","status":503,"seconds":1.5})");
}

TEST(Log, writes_text_that_a_request_cannot_forge) {
  const auto line = render_log_line(LogFormat::text, at, LogLevel::info,
                                    {.logger = "http",
                                     .message = "request\n2026 ERROR forged",
                                     .fields = {{"path", std::string{"/\x1b[2J"}}}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(Log, keeps_json_lines_valid_whatever_bytes_come_in) {
  const auto line = render_log_line(LogFormat::json, at, LogLevel::info,
                                    {.logger = "http", .message = "\xff\xfe\"\\\x01"});
  EXPECT_TRUE(parse_json(line).has_value()) << line;
}

TEST(Log, leaves_out_what_is_below_its_level_and_follows_a_new_one) {
  std::ostringstream out;
  {
    const SystemClock clock;
    Log log{LogFormat::text, LogLevel::info, out, clock};
    log.write(LogLevel::debug, {.logger = "a", .message = "first"});
    log.set_level(LogLevel::debug);
    log.write(LogLevel::debug, {.logger = "a", .message = "second"});
    log.set_level(LogLevel::error);
    log.write(LogLevel::warning, {.logger = "a", .message = "third"});
  }
  EXPECT_THAT(out.str(), testing::AllOf(testing::Not(testing::HasSubstr("first")),
                                        testing::HasSubstr("second"),
                                        testing::Not(testing::HasSubstr("third"))));
}

TEST(Log, writes_out_what_is_queued_before_it_goes) {
  std::ostringstream out;
  {
    const SystemClock clock;
    Log log{LogFormat::json, LogLevel::info, out, clock};
    for (int i = 0; i < 1000; ++i) log.write(LogLevel::info, {.logger = "a", .message = "line"});
  }
  const auto text = out.str();
  EXPECT_EQ(std::ranges::count(text, '\n'), 1000);
}

}  // namespace
}  // namespace perdure::shell
