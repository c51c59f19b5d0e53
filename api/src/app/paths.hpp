// SPDX-License-Identifier: Apache-2.0
// Request targets as the routes see them: one canonical path, decoded once, and checked parameters.
//
// `/x`, `/api/x` and `/api/v1/x` are one path; `/durable-objects/kind:id` is
// `/durable-objects/kind/id`. Both rewrites happen here and nowhere else.
#pragma once

#include <array>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/result.hpp"
#include "perdure/base/uri.hpp"

namespace perdure::api {

inline constexpr std::string_view api_prefix = "/api/v1";

namespace limits {
inline constexpr std::size_t path_segments_max = 8;
inline constexpr std::size_t query_parameters_max = 32;
}  // namespace limits

/// Lifetime  segments borrow from the text that was parsed, or from `decoded_`.
class Path {
 public:
  /// Errors  malformed  a bad escape, NUL, bytes that are not UTF-8;
  ///         not_found  more segments than any route has.
  [[nodiscard]] static Result<Path> parse(std::string_view raw);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view operator[](std::size_t i) const { return segments_[i]; }

 private:
  Result<void> add(std::string_view raw);
  void split_object_id();

  std::array<std::string_view, limits::path_segments_max> segments_;
  std::size_t size_ = 0;
  std::forward_list<std::string> decoded_;  // a list: its elements stay in place
};

struct QueryValue {
  std::string name;
  std::string value;
};

/// Reads `a=b&c=d` as application/x-www-form-urlencoded.
/// Errors  malformed  a bad escape, NUL or bytes that are not UTF-8.
[[nodiscard]] Result<std::vector<QueryValue>> parse_query(std::string_view raw);

}  // namespace perdure::api
