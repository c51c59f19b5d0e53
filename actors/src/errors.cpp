// SPDX-License-Identifier: Apache-2.0
#include "errors.hpp"

namespace perdure::actors {

Error invalid_field(std::string pointer, std::string code, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = message};
  error.fields.push_back(
      {.pointer = std::move(pointer), .code = std::move(code), .message = std::move(message)});
  return error;
}

Result<void> require_object(const Json& payload) {
  if (payload.is_object()) return {};
  return fail(invalid_field("", "type", "must be an object"));
}

Result<std::string> required_text(const Json& payload, const std::string& member) {
  PERDURE_TRY_VOID(require_object(payload));
  const auto found = payload.find(member);
  if (found == payload.end()) {
    return fail(invalid_field("/" + member, "required", member + " is required"));
  }
  if (!found->is_string()) {
    return fail(invalid_field("/" + member, "type", member + " must be a string"));
  }
  return found->get<std::string>();
}

}  // namespace perdure::actors
