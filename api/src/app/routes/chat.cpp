// SPDX-License-Identifier: Apache-2.0
// WS /chat/{conversation_id}.
#include "app/checks.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

void refuse_upgrade(Context& context) {
  Problem problem{.code = "upgrade_required",
                  .detail = "this path is spoken to through a WebSocket"};
  problem.headers = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}};
  answer(context, problem);
}

void open_for(Context& context, ObjectId conversation) {
  chat::Entrance entrance{.conversation = std::move(conversation)};
  if (context.find_query("after") != nullptr) {
    entrance.after = static_cast<std::uint64_t>(number_or(context, "after", 0));
  }
  if (const auto* device = context.find_query("device_id")) entrance.device_id = *device;
  context.services.live_conversations.open(context, std::move(entrance));
}

void look_and_open(Context& context, ObjectId conversation) {
  const auto view = context.services.runtime.inspect(conversation);
  if (!view) return answer(context, view.error());
  // Somebody else's conversation is not found.
  if (!view->meta.exists() || !judge(context, view->meta, Action::read).allowed()) {
    return answer(context, Error{.code = ErrorCode::not_found, .detail = "no such conversation"});
  }
  open_for(context, std::move(conversation));
}

void open_chat(const ContextPtr& context) {
  if (context->request.upgrade != http::Upgrade::websocket) return refuse_upgrade(*context);
  ObjectId conversation{"conversation", std::string{context->values[0]}};
  if (!validate(conversation)) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "no such conversation"});
  }
  // Where others are already, nothing has to be read for its owner.
  const auto owner = context->services.live_conversations.owner_of(conversation);
  if (owner && permits(context->principal(), {.owner = *owner}, Action::read).allowed()) {
    return open_for(*context, std::move(conversation));
  }
  run_slow(context, WorkClass::read, [context, conversation = std::move(conversation)] {
    look_and_open(*context, conversation);
  });
}

}  // namespace

void add_chat_routes(std::vector<Route>& routes) {
  // OpenAPI has no words for WebSockets: docs/live.md describes this one.
  routes.push_back(accept_tickets(
      {.path = "/chat/{conversation_id}",
       .operation = "chat",
       .tag = "Conversations",
       .summary = "A conversation's messages as they come, and a way to send some",
       .permission = {"conversations", Access::read},
       .target = Function{open_chat},
       .query = {{.name = "after",
                  .type = ParameterType::integer,
                  .description = "Only messages with a higher seq; without it, from now on.",
                  .maximum = std::int64_t{1} << 53},
                 device_parameter()},
       .listing = Listing::hidden,
       .validator = Validator::none}));
}

}  // namespace perdure::api
