// SPDX-License-Identifier: Apache-2.0
#include "app/stream_query.hpp"

#include <algorithm>

#include "app/services.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t cursor_bytes_max = 200;

// Whatever comes here goes out again as an SSE id and as JSON.
bool may_be_cursor(std::string_view text) {
  return !text.empty() && text.size() <= cursor_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// The runtime's fields are members of a query; here they are parameters.
Error as_parameters(Error error, std::string_view name_of_after) {
  for (auto& field : error.fields) {
    if (field.pointer.starts_with('/')) field.pointer.erase(0, 1);
    if (field.pointer == "after") field.pointer = name_of_after;
  }
  return error;
}

}  // namespace

Result<EventQuery> stream_query(const Context& context, std::vector<std::string> topics) {
  const auto after = resume_after(context);
  const auto* parameter = context.find_query("after");
  const bool by_field = after && (parameter == nullptr || *parameter != *after);
  const std::string name_of_after = by_field ? "Last-Event-ID" : "after";
  if (after && !may_be_cursor(*after)) {
    return fail(invalid_parameter(name_of_after, "cursor", "is no cursor of the event log"));
  }
  EventQuery query{.after = std::string{after.value_or("")},
                   .topics = std::move(topics),
                   .principal = context.principal(),
                   .limit = 0};
  // An empty page: checks what was sent, and finds the place where "from now" begins.
  auto place = context.services.runtime.read_events(query);
  if (!place) return fail(as_parameters(std::move(place).error(), name_of_after));
  if (query.after.empty()) query.after = std::move(place->next);
  return query;
}

}  // namespace perdure::api
