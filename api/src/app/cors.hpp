// SPDX-License-Identifier: Apache-2.0
// Cross-origin requests (the Fetch standard): refused to browsers unless the origin is listed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdure/api/http/message.hpp"

namespace perdure::api {

/// Threads  any.
class Cors {
 public:
  /// `origins` as browsers write them (`https://app.example`), or `*` for any. None by default.
  explicit Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  [[nodiscard]] bool enabled() const { return !origins_.empty(); }
  /// Adds what lets the page that asked read the response; nothing for other origins.
  void allow(std::string_view origin, http::Response& response) const;
  /// Adds what a preflight asks for.
  void allow_preflight(std::string_view origin, std::string_view methods,
                       http::Response& response) const;

  /// Whether a page of this origin may call the API.
  [[nodiscard]] bool listed(std::string_view origin) const;

 private:
  std::vector<std::string> origins_;
};

}  // namespace perdure::api
