// SPDX-License-Identifier: Apache-2.0
// What the reader of an open stream may hear, as pure functions.
#pragma once

#include "app/event_streams.hpp"
#include "app/router.hpp"

namespace perdure::api {

/// Whether what a reader's key holds opens what an event is of: it hears of an object what it could
/// ask for, so only with `<resource>:read` of the object's kind (an item's event is of the object
/// that holds it), and with `durable-objects:read` of a kind that has no routes of its own, as dead
/// letters. On every stream, beside whose objects it may see.
[[nodiscard]] bool scopes_open(const Router& router, const Principal& reader, const Event& event);

/// Whether a stream that an administrator opened shows what the same user may not read without the
/// role: everybody's objects, or another owner's.
[[nodiscard]] bool shows_what_role_opened(const StreamRules& rules, const Principal& reader);

}  // namespace perdure::api
