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
  struct Options {
    /// As browsers write them (`https://app.example`), or `*` for any.
    std::vector<std::string> origins = {};
    /// What pages may send, beside the fields that the API itself takes.
    std::vector<std::string> headers = {};
  };
  explicit Cors(Options options);

  [[nodiscard]] bool enabled() const { return !origins_.empty(); }
  /// The origin of every page that may read what is answered before the Origin field was read;
  /// empty when that is not known, since several are listed.
  [[nodiscard]] std::string_view only_one() const;
  /// Adds what lets the page that asked read the response; nothing for other origins.
  void allow(std::string_view origin, http::Response& response) const;
  /// Adds what a preflight asks for.
  void allow_preflight(std::string_view origin, std::string_view methods,
                       http::Response& response) const;

  /// Whether a page of this origin may call the API.
  [[nodiscard]] bool listed(std::string_view origin) const;

 private:
  std::vector<std::string> origins_;
  std::string request_headers_;
};

}  // namespace perdure::api
