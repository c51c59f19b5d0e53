// SPDX-License-Identifier: Apache-2.0
// The id of what a request makes: the client's own, when its body names one, or a new one.
#pragma once

#include <string>

#include "app/context.hpp"

namespace perdure::api {

/// A UUIDv7. Errors: invalid (`/id`).
[[nodiscard]] Result<std::string> id_to_create(Context& context);

/// An id that the client chose may be one of an object that it must not know of. To know that the
/// id is taken is all that it gets: conflict, as for its own.
[[nodiscard]] Error explain_taken_id(const Context& context, Error error);

}  // namespace perdure::api
