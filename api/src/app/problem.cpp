// SPDX-License-Identifier: Apache-2.0
#include "app/problem.hpp"

#include <algorithm>

#include "app/fields.hpp"
#include "app/paths.hpp"
#include "perdure/base/check.hpp"
#include "perdure/base/error_table.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::api {

namespace {

// "/address/city" → "address.city"; a bare name stays as it is.
std::string dotted(const std::string& pointer) {
  const auto steps = pointer.starts_with('/') ? steps_of(pointer) : std::nullopt;
  if (!steps) return pointer;
  std::string text;
  for (const auto& step : *steps) {
    if (!text.empty()) text += '.';
    text += step;
  }
  return text;
}

std::string path_of(std::string_view target) {
  return std::string{target.substr(0, target.find('?'))};
}

}  // namespace

std::string_view title_of(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 424: return "Failed Dependency";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return status < 500 ? "Request Refused" : "Server Error";
  }
}

int Problem::status() const {
  if (own) return own->http_status;
  const auto* row = find_error_row(code);
  PERDURE_CHECK(row != nullptr, code);
  return row->traits.http_status;
}

std::string problem_type(std::string_view code) { return "/problems/" + std::string{code}; }

Problem problem_from(Error error) {
  const auto& traits = describe(error.code);
  Problem problem{.code = name_of(error),
                  .detail = std::move(error.detail),
                  .fields = std::move(error.fields),
                  .retry_after = error.retry_after,
                  .own = std::move(error.own)};
  if (traits.retry == Retry::yes && !problem.retry_after) {
    problem.retry_after = std::chrono::seconds{1};
  }
  if (traits.http_status >= 500) problem.cause = problem.detail;
  if (error.code == ErrorCode::internal) {
    // What broke is the operator's business; the log has it under the same request id.
    problem.detail = "the server failed to handle this request";
  } else if (error.code == ErrorCode::corrupt) {
    problem.detail = "stored data that this request needs is damaged";
  }
  if (error.code == ErrorCode::unauthenticated) {
    problem.headers.emplace_back("WWW-Authenticate",
                                 "Bearer realm=\"perdure\", error=\"invalid_token\"");
  }
  return problem;
}

Json details_of(const Problem& problem) {
  auto details = Json::object();
  for (const auto& field : problem.fields) {
    const auto name = dotted(field.pointer);
    if (!details.contains(name)) details[name] = field.message;
  }
  return details;
}

http::Response render(const Problem& problem, std::string_view path, std::string_view request_id) {
  const auto status = problem.status();
  const auto title = problem.own ? std::string_view{problem.own->title} : title_of(status);
  const auto detail = problem.detail.empty() ? std::string{title} : problem.detail;
  auto errors = Json::array();
  for (const auto& field : problem.fields) {
    errors.push_back(
        {{"pointer", field.pointer}, {"code", field.code}, {"message", field.message}});
  }
  Json body{{"type", problem_type(problem.code)},
            {"title", title},
            {"status", status},
            {"detail", detail},
            {"error", detail},
            {"code", problem.code},
            {"details", details_of(problem)},
            {"errors", std::move(errors)},
            {"instance", path.empty() ? "#" + percent_encode(request_id) : path_of(path)},
            {"request_id", request_id}};
  // None of its members is named like one of those above (own_error.hpp).
  if (problem.own) body.update(Json::parse(problem.own->members, nullptr, false));

  http::Response response{.status = status, .headers = {}, .body = dump_json(body)};
  response.cause = problem.cause;
  response.headers.add("Content-Type", "application/problem+json");
  response.headers.add("Cache-Control", "no-store");
  if (problem.retry_after) {
    const auto seconds = std::max<std::int64_t>(1, problem.retry_after->count());
    response.headers.add("Retry-After", std::to_string(seconds));
  } else if (status == 429 || status == 503) {
    response.headers.add("Retry-After", "1");
  }
  for (const auto& [name, value] : problem.headers) response.headers.add(name, value);
  return response;
}

http::Response render_refusal(const http::Problem& refusal) {
  Problem problem{.code = refusal.code, .detail = refusal.detail};
  PERDURE_CHECK(problem.status() == refusal.status, refusal.code);
  if (refusal.status >= 500) problem.cause = problem.detail;
  auto response = render(problem, refusal.path, refusal.request_id);
  response.headers.add("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace perdure::api
