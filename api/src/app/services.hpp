// SPDX-License-Identifier: Apache-2.0
// Services: what one application has for all its requests.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "app/chat/live_conversations.hpp"
#include "app/context.hpp"
#include "app/cors.hpp"
#include "app/event_streams.hpp"
#include "app/key_cache.hpp"
#include "app/live_places.hpp"
#include "app/rate_limit.hpp"
#include "app/router.hpp"
#include "app/slow_work.hpp"
#include "app/tickets.hpp"
#include "app/webhook_places.hpp"
#include "perdure/api/app/application.hpp"

namespace perdure::api {

struct Application::Services {
  Services(Runtime& with_runtime, const Clock& with_clock, Random& with_random,
           ApplicationOptions with_options);

  Runtime& runtime;
  const Clock& clock;
  Random& random;
  ApplicationOptions options;
  Router router;
  Cors cors;
  KeyCache keys{10'000, random};
  Tickets tickets{clock, random};
  WebhookPlaces webhook_places;
  LivePlaces live_places;
  RateBucket server_bucket;
  std::vector<shell::RouteMeter*> meters;  ///< by the route's place in `router.routes()`
  shell::RouteMeter* other_meter = nullptr;
  StaticAnswer openapi;
  std::atomic<bool> draining{false};
  EventStreams event_streams{*this};
  chat::LiveConversations live_conversations{*this};
  SlowWork slow_work;  ///< last: its tasks use what stands above

  [[nodiscard]] std::chrono::nanoseconds monotonic() const { return clock.monotonic(); }
  [[nodiscard]] Milliseconds monotonic_ms() const { return clock.monotonic(); }
};

/// All routes of the server.
[[nodiscard]] std::vector<Route> all_routes();

}  // namespace perdure::api
