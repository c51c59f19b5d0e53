// SPDX-License-Identifier: Apache-2.0
// From a checked request to what its route's target says, and from the outcome to the answer.
#pragma once

#include "app/context.hpp"

namespace perdure::api {

void dispatch(ContextPtr context);

/// Calls, and answers with the value as `render` says. `payload_at` is where the call's payload
/// stands in the body: a literal.
void call_and_answer(ContextPtr context, Call&& call, Render render,
                     std::string_view payload_at = "");

/// A `Link: rel="next"` value for the same request with another cursor; empty for an empty cursor.
[[nodiscard]] std::string next_link(const Context& context, std::string_view cursor);

/// The query parameters as members of a payload, typed as the route declares them.
[[nodiscard]] Json query_as_json(const Context& context);

/// The payload of a query, which parameters and the path say.
[[nodiscard]] Json query_payload(const Context& context, PayloadFrom from);
/// What is wrong with members of a payload that was made of the query, said of its parameters.
[[nodiscard]] Error of_parameters(const Context& context, Error error);

/// Answers with a value and the status of the route.
void answer_json(Context& context, const Json& value);

/// The canonical path of what a request created.
[[nodiscard]] std::string location_of(const Context& context, std::string_view id);

}  // namespace perdure::api
