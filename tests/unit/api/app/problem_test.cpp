// SPDX-License-Identifier: Apache-2.0
#include "app/problem.hpp"

#include <gtest/gtest.h>

#include "perdure/schemas/json.hpp"

namespace perdure::api {
namespace {

http::Response rendered(ErrorCode code) {
  return render(problem_from({.code = code, .detail = "add of kind counter threw: secrets"}),
                "/counter?ticket=x", "request-1");
}

TEST(Problem, of_an_internal_error_tells_the_cause_to_the_log_alone) {
  const auto response = rendered(ErrorCode::internal);
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.view().find("threw"), std::string::npos) << response.body.view();
  EXPECT_EQ(response.cause, "add of kind counter threw: secrets");
}

TEST(Problem, of_a_failure_tells_the_cause_to_both) {
  const auto response = rendered(ErrorCode::unavailable);
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.view().find("threw"), std::string::npos);
  EXPECT_EQ(response.cause, "add of kind counter threw: secrets");
}

TEST(Problem, of_a_refusal_is_nothing_for_the_log) {
  EXPECT_EQ(rendered(ErrorCode::conflict).cause, "");
  const auto body = parse_json(rendered(ErrorCode::conflict).body.view()).value();
  EXPECT_EQ(body["instance"], "/counter") << "the query may hold secrets";
}

TEST(Problem, of_the_http_layer_has_the_status_of_its_code) {
  EXPECT_DEATH(static_cast<void>(render_refusal({.status = 400, .code = "headers_too_large"})),
               "headers_too_large");
  EXPECT_DEATH(static_cast<void>(render_refusal({.status = 400, .code = "no_such_code"})),
               "no_such_code");
  const auto response = render_refusal({.status = 431, .code = "headers_too_large"});
  const auto body = parse_json(response.body.view()).value();
  EXPECT_EQ(body["type"], "/problems/headers_too_large");
  EXPECT_EQ(body["title"], "Request Header Fields Too Large");
}

}  // namespace
}  // namespace perdure::api
