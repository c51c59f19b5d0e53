// SPDX-License-Identifier: Apache-2.0
// Reading members of a JSON object, with errors that name them.
#pragma once

#include <fmt/format.h>

#include "perdure/schemas/json.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::runtime {

/// An `invalid` error about one member.
[[nodiscard]] inline Unexpected bad_member(std::string pointer, std::string code,
                                           std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = fmt::format("{}: {}", pointer, message)};
  error.fields.push_back({std::move(pointer), std::move(code), std::move(message)});
  return fail(std::move(error));
}

/// A whole number of a member, or `otherwise` when it is absent or null.
[[nodiscard]] inline Result<std::int64_t> whole_member(const Json& json, const char* name,
                                                       std::int64_t otherwise, std::int64_t least,
                                                       std::int64_t most,
                                                       const std::string& pointer = {}) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return otherwise;
  const auto number = whole_number(*found);
  if (!number || *number < least || *number > most) {
    return bad_member(append_step(pointer, name), "range",
                      fmt::format("is a whole number from {} to {}", least, most));
  }
  return *number;
}

/// A text of a member, or `otherwise` when it is absent or null.
[[nodiscard]] inline Result<std::string> text_member(const Json& json, const char* name,
                                                     std::string otherwise, std::size_t bytes_max) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return otherwise;
  if (!found->is_string() || found->get_ref<const std::string&>().size() > bytes_max) {
    return bad_member(pointer_to(name), "type",
                      fmt::format("is text of at most {} bytes", bytes_max));
  }
  return found->get<std::string>();
}

}  // namespace perdure::runtime
