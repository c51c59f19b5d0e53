// SPDX-License-Identifier: Apache-2.0
#include "shell/server_hooks.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace perdure::shell {
namespace {

using testing::HasSubstr;

TEST(AccessLog, says_what_was_asked_what_came_of_it_and_why) {
  const http::Finished finished{.method = "GET",
                                .status = 503,
                                .duration = std::chrono::microseconds{1500},
                                .body_bytes_in = 3,
                                .bytes_out = 7,
                                .request_id = "r-1",
                                .path = "/notebooks/7",
                                .route = "/notebooks/{id}",
                                .cause = "writes have stopped"};
  const auto line = render_log_line(
      LogFormat::json, {}, LogLevel::warning,
      {.logger = "http", .message = "request failed", .fields = access_fields(finished)});
  EXPECT_THAT(line, HasSubstr(R"("method":"GET","path":"/notebooks/7","status":503,)"
                              R"("duration_ms":1.5,"bytes_in":3,"bytes_out":7,)"
                              R"("route":"/notebooks/{id}","cause":"writes have stopped")"));
}

TEST(AccessLog, leaves_out_a_route_and_a_cause_that_are_not_there) {
  for (const auto& field : access_fields({.method = "GET", .status = 200})) {
    EXPECT_NE(field.name, "route");
    EXPECT_NE(field.name, "cause");
  }
}

std::string logged(const http::Finished& finished) {
  std::ostringstream out;
  {
    const SystemClock clock;
    Log log{LogFormat::text, LogLevel::info, out, clock};
    const auto config = Config::load({.flags = {{"log.slow", "1s"}}}).value();
    const AccessLog access{config, log};
    access(finished);
  }
  return out.str();
}

TEST(AccessLog, takes_no_stream_that_is_read_for_long_for_a_slow_request) {
  http::Finished finished{.method = "GET", .status = 200, .duration = std::chrono::hours{1}};
  EXPECT_THAT(logged(finished), HasSubstr("slow request"));
  finished.lasts_for = http::LastsFor::its_reader;
  EXPECT_EQ(logged(finished), "");
  finished.status = 500;
  EXPECT_THAT(logged(finished), HasSubstr("request failed"));
}

}  // namespace
}  // namespace perdure::shell
