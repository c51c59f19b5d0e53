// SPDX-License-Identifier: Apache-2.0
#include "app/live_list.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"

namespace perdure::api {

void add_conversation_routes(std::vector<Route>& routes) {
  // Messages are only ever appended.
  add_collection(routes, {.path = "/conversations/{id}/messages",
                          .parameter = "message_id",
                          .schema = "Message",
                          .tag = "Conversations",
                          .read = {"conversations", Access::read},
                          .write = {"conversations", Access::write},
                          .filters = {sort_parameter({"seq"}),
                                      {.name = "after",
                                       .type = ParameterType::integer,
                                       .description = "Only messages with a higher seq."}},
                          .list = list_of_items("conversation", "messages"),
                          .create = ObjectCall{.kind = "conversation",
                                               .type = CallType::command,
                                               .name = "append",
                                               .payload = PayloadFrom::body_query,
                                               .render = Render::item},
                          .get = ObjectCall{.kind = "conversation",
                                            .name = "get_message",
                                            .payload = PayloadFrom::item},
                          .examples = {.create = R"({"content":"Hello","client_id":"m-1"})"},
                          .validator = Validator::item});
  offer_live(route_named(routes, "listMessages"));
  route_named(routes, "createMessage").query = {device_parameter()};
}

}  // namespace perdure::api
