// SPDX-License-Identifier: Apache-2.0
#include "app/new_id.hpp"

#include "app/services.hpp"
#include "perdure/actors/sent_back.hpp"

namespace perdure::api {

Result<std::string> id_to_create(Context& context) {
  PERDURE_TRY(chosen, actors::chosen_id(context.body));
  context.chose_id = chosen.has_value();
  if (chosen) return std::move(*chosen);
  return fresh_id(context);
}

Error explain_taken_id(const Context& context, Error error) {
  if (!context.chose_id || error.code != ErrorCode::not_found) return error;
  return {.code = ErrorCode::conflict, .detail = "the id is taken"};
}

}  // namespace perdure::api
