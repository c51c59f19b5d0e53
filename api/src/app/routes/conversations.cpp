// SPDX-License-Identifier: Apache-2.0
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"

namespace perdure::api {

void add_conversation_routes(std::vector<Route>& routes) {
  add_resource(routes, {.path = "/conversations",
                        .kind = "conversation",
                        .schema = "Conversation",
                        .tag = "Conversations",
                        .resource = "conversations",
                        .lists = {{.sort = "updated_at", .index = "updated_at"},
                                  {.sort = "title", .index = "title"}},
                        .default_sort = "-updated_at"});
  Route list{.path = "/conversations/{id}/messages",
             .operation = "listMessages",
             .tag = "Conversations",
             .summary = "Messages in the order in which they were sent",
             .permission = {"conversations", Access::read},
             .target = ObjectCall{.kind = "conversation",
                                  .name = "list_messages",
                                  .payload = PayloadFrom::query,
                                  .render = Render::list},
             .response_schema = "MessageList",
             .query = page_parameters()};
  list.query.push_back(sort_parameter({"seq"}));
  list.query.push_back({.name = "after",
                        .type = ParameterType::integer,
                        .description = "Only messages with a higher seq."});
  routes.push_back(std::move(list));
  routes.push_back({.method = http::Method::post,
                    .path = "/conversations/{id}/messages",
                    .operation = "createMessage",
                    .tag = "Conversations",
                    .summary = "Append a message",
                    .permission = {"conversations", Access::write},
                    .target = ObjectCall{.kind = "conversation",
                                         .type = CallType::command,
                                         .name = "append",
                                         .payload = PayloadFrom::body,
                                         .render = Render::item},
                    .request_schema = "MessageCreate",
                    .response_schema = "Message",
                    .status = 201,
                    .body = BodyUse::required});
}

}  // namespace perdure::api
