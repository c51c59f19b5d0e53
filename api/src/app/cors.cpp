// SPDX-License-Identifier: Apache-2.0
#include "app/cors.hpp"

#include <algorithm>

namespace perdure::api {

namespace {

// What the API takes, and browsers do not let every page send.
constexpr std::string_view own_request_headers =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, "
    "X-API-Key, X-CSRF-Token, X-Request-ID, traceparent";

}  // namespace

Cors::Cors(Options options)
    : origins_(std::move(options.origins)), request_headers_(own_request_headers) {
  for (const auto& name : options.headers) request_headers_.append(", ").append(name);
}

std::string_view Cors::only_one() const {
  return origins_.size() == 1 ? std::string_view{origins_.front()} : "";
}

bool Cors::listed(std::string_view origin) const {
  return std::ranges::any_of(
      origins_, [&](const std::string& allowed) { return allowed == "*" || allowed == origin; });
}

void Cors::allow(std::string_view origin, http::Response& response) const {
  if (origin.empty() || !listed(origin)) return;
  response.headers.add("Access-Control-Allow-Origin", origin);
  response.headers.add("Access-Control-Expose-Headers",
                       "ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, "
                       "Retry-After, X-Request-ID");
}

void Cors::allow_preflight(std::string_view origin, std::string_view methods,
                           http::Response& response) const {
  if (origin.empty() || !listed(origin)) return;
  response.headers.add("Access-Control-Allow-Origin", origin);
  response.headers.add("Access-Control-Allow-Methods", methods);
  response.headers.add("Access-Control-Allow-Headers", request_headers_);
  response.headers.add("Access-Control-Max-Age", "600");
}

}  // namespace perdure::api
