// SPDX-License-Identifier: Apache-2.0
#include "errors.hpp"

#include "perdure/schemas/schema.hpp"

namespace perdure::actors {

Error invalid_field(std::string pointer, std::string code, std::string message) {
  return invalid_value({{std::move(pointer), std::move(code), std::move(message)}});
}

Error id_is_taken(const std::string& id) {
  return {.code = ErrorCode::conflict, .detail = "the id " + id + " is taken"};
}

Result<void> require_object(const Json& payload) {
  if (payload.is_object()) return {};
  return fail(invalid_field("", "type", "must be an object"));
}

Result<std::string> required_text(const Json& payload, const std::string& member) {
  PERDURE_TRY_VOID(require_object(payload));
  const auto found = payload.find(member);
  if (found == payload.end()) {
    return fail(invalid_field(pointer_to(member), "required", "is required"));
  }
  if (!found->is_string()) {
    return fail(invalid_field(pointer_to(member), "type", "must be a string"));
  }
  return found->get<std::string>();
}

}  // namespace perdure::actors
