// SPDX-License-Identifier: Apache-2.0
// Problem details (RFC 9457): the one form of every failure.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "perdure/api/http/message.hpp"
#include "perdure/api/http/server.hpp"
#include "perdure/base/error.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::api {

/// A failure at the edge. Most come from an Error; some exist only in HTTP (405, 406, 415).
struct Problem {
  std::string_view code = "internal";  ///< one of error_table(), or the name of `own`
  std::string detail = {};
  std::vector<FieldError> fields = {};
  std::optional<std::chrono::seconds> retry_after = {};
  std::vector<std::pair<std::string_view, std::string>> headers = {};
  std::string cause = {};  ///< for the log: what the client is told, or more
  /// An error of a kind's own: its status, title and members. Shared because it is immutable.
  std::shared_ptr<const OwnError> own = {};

  /// That of the code.
  [[nodiscard]] int status() const;
};

/// `/problems/<code>`: the member `type`, and where that is explained (routes/problems.cpp).
[[nodiscard]] std::string problem_type(std::string_view code);

/// The words of RFC 9110 for a status.
[[nodiscard]] std::string_view title_of(int status);

[[nodiscard]] Problem problem_from(Error error);

/// The member `details`: each field by its dotted name, with the first reason.
[[nodiscard]] Json details_of(const Problem& problem);

/// `path` and `request_id` become `instance` and `request_id`.
[[nodiscard]] http::Response render(const Problem& problem, std::string_view path,
                                    std::string_view request_id);

/// The failures of the HTTP layer, for http::Services::render_problem.
[[nodiscard]] http::Response render_refusal(const http::Problem& problem);

}  // namespace perdure::api
