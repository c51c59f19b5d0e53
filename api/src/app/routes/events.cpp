// SPDX-License-Identifier: Apache-2.0
// The event log as Server-Sent Events, or frames of a WebSocket.
#include <algorithm>

#include "app/event_streams.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "app/stream_query.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t topics_max = 100;

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

void stream_events(const ContextPtr& context) {
  auto topics = read_topics(*context);
  if (!topics) return answer(*context, std::move(topics).error());
  auto query = stream_query(*context, std::move(*topics));
  if (!query) return answer(*context, std::move(query).error());
  context->services.event_streams.open(context, std::move(*query));
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
