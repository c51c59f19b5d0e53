// SPDX-License-Identifier: Apache-2.0
// Durable objects as operators see them (the schema ObjectView).
#pragma once

#include "app/context.hpp"

namespace perdure::api {

/// The object that the path names.
[[nodiscard]] ObjectId object_of(const Context& context);

/// A state without what its kind calls secret.
[[nodiscard]] Json shown_state(const Context& context, const std::string& kind, const Json& state);

[[nodiscard]] Json object_view(const Context& context, const ObjectView& view);

void answer_view(Context& context, Result<ObjectView> view);

/// Calls something that replies with the object's state, and answers with the object.
void call_and_answer_view(const ContextPtr& context, Call call);

/// What answers so with any other way to a reply.
[[nodiscard]] ReplyHandler view_answerer(ContextPtr context);

}  // namespace perdure::api
