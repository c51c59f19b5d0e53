// SPDX-License-Identifier: Apache-2.0
// What a request for a stream of events asks for.
#pragma once

#include <string>
#include <vector>

#include "app/context.hpp"
#include "perdure/runtime/events.hpp"

namespace perdure::api {

/// The caller's events of these topics, from where the request says (`resume_after`), or from now
/// on: `after` is a place in the log, never empty.
/// Errors  invalid  a pattern, or a cursor that is none; the field is the parameter's or header's
///                  name.
[[nodiscard]] Result<EventQuery> stream_query(const Context& context,
                                              std::vector<std::string> topics);

}  // namespace perdure::api
