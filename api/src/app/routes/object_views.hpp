// SPDX-License-Identifier: Apache-2.0
// Durable objects as operators see them (the schema ObjectView).
#pragma once

#include "app/context.hpp"

namespace perdure::api {

/// The object that the path names.
[[nodiscard]] ObjectId object_of(const Context& context);

/// A state without what its kind calls secret.
[[nodiscard]] Json shown_state(const Runtime& runtime, const std::string& kind, const Json& state);

/// Which activity a view tells: the present one, or that of the turn that it is the reply of, which
/// is the same whenever the reply is asked for again.
enum class Activeness { now, of_its_turn };

[[nodiscard]] Json object_view(const Runtime& runtime, const ObjectView& view,
                               Activeness activeness = Activeness::now);

void answer_view(Context& context, Result<ObjectView> view,
                 Activeness activeness = Activeness::now);

/// Calls something that replies with the object's state, and answers with the object.
/// `payload_at` as that of `call_and_answer`.
void call_and_answer_view(const ContextPtr& context, Call call, std::string_view payload_at = "");

/// What answers so with any other way to a reply.
[[nodiscard]] ReplyHandler view_answerer(ContextPtr context, std::string_view payload_at = "");

}  // namespace perdure::api
