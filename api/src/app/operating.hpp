// SPDX-License-Identifier: Apache-2.0
// The doors that are open to every kind: /durable-objects, /outbox and /dead-letters. Objects of
// system kinds (Reach) are reached through them only by administrators whose key holds `*`.
#pragma once

#include <string_view>

#include "app/context.hpp"

namespace perdure::api {

/// Whether the caller may operate on objects of the kind. One that there is not is for the route.
[[nodiscard]] bool may_operate(const Context& context, std::string_view kind);
[[nodiscard]] bool may_operate(const Runtime& runtime, const Principal& principal,
                               std::string_view kind);
/// Errors: forbidden.
[[nodiscard]] Result<void> check_operates(const Context& context, const ObjectId& object);

/// Of a route below `/durable-objects/{kind}/{id}`: the object of its path. Errors: forbidden.
[[nodiscard]] Result<void> check_path_kind(const Context& context);

/// Whether the caller may see what is sent from one object to another, or to a performer: `from`
/// and `to` as `kind:id` or as any other name.
[[nodiscard]] bool may_see_sent(const Context& context, std::string_view from, std::string_view to);
[[nodiscard]] bool may_see_sent(const Runtime& runtime, const Principal& principal,
                                std::string_view from, std::string_view to);

}  // namespace perdure::api
