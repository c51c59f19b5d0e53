// SPDX-License-Identifier: Apache-2.0
// The event log as Server-Sent Events, or frames of a WebSocket.
#include <algorithm>

#include "app/event_streams.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t topics_max = 100;
constexpr std::size_t cursor_bytes_max = 200;

Result<std::vector<std::string>> read_topics(const Context& context) {
  std::vector<std::string> topics;
  const auto* text = context.find_query("topics");
  if (text == nullptr) return topics;
  for (std::size_t at = 0; at <= text->size();) {
    const auto end = std::min(text->find(',', at), text->size());
    topics.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  if (topics.size() > topics_max) {
    return fail(invalid_parameter("topics", "maximum", "has at most 100 patterns"));
  }
  return topics;
}

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

void stream_events(const ContextPtr& context) {
  auto topics = read_topics(*context);
  if (!topics) return answer(*context, std::move(topics).error());
  const auto after = resume_after(*context);
  const auto* parameter = context->find_query("after");
  const bool by_field = after && (parameter == nullptr || *parameter != *after);
  const std::string name_of_after = by_field ? "Last-Event-ID" : "after";
  if (after && !may_be_cursor(*after)) {
    return answer(*context,
                  invalid_parameter(name_of_after, "cursor", "is no cursor of the event log"));
  }
  EventQuery query{.after = std::string{after.value_or("")},
                   .topics = std::move(*topics),
                   .principal = context->principal,
                   .limit = 0};
  // An empty page: checks what was sent, and finds the place where "from now" begins.
  auto place = context->services.runtime.read_events(query);
  if (!place) {
    return answer(*context, as_parameters(std::move(place).error(), name_of_after));
  }
  if (query.after.empty()) query.after = place->next;
  context->services.event_streams.open(context, std::move(query));
}

}  // namespace

void add_event_routes(std::vector<Route>& routes) {
  routes.push_back(accept_tickets(
      {.path = "/events",
       .operation = "streamEvents",
       .tag = "Events",
       .summary = "What happens to the caller's objects, as it happens",
       .permission = {"events", Access::read},
       .target = Slow{stream_events},
       .query = {{.name = "topics",
                  .description = "Patterns with commas between them: dotted names, `*` for one "
                                 "part, `**` for any rest, `*` alone for all."},
                 {.name = "after",
                  .description = "A cursor (the `id` of an event), or `0` for the oldest that is "
                                 "kept. Without it: from now on."}},
       .produces = "text/event-stream",
       .description = "As Server-Sent Events, or as text frames to who asks for a WebSocket: `id` "
                      "is the cursor, `event` the topic, `data` a "
                      "CloudEvent (1.0, JSON). `Last-Event-ID` goes before `after`. Where events "
                      "are gone that the client has not seen, `perdure.events.lost` says so.",
       .validator = Validator::none}));
}

}  // namespace perdure::api
