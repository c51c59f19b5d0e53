// SPDX-License-Identifier: Apache-2.0
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

Route& OperatorRoutes::operator()(http::Method method, std::string path, std::string operation,
                                  std::string summary, Target target, std::string response) const {
  const auto access = method == http::Method::get ? Access::read : Access::write;
  routes.push_back({.method = method,
                    .path = std::move(path),
                    .operation = std::move(operation),
                    .tag = "Durable objects",
                    .summary = std::move(summary),
                    .permission = {"durable-objects", access, Audience::admin},
                    .target = std::move(target),
                    .response_schema = std::move(response),
                    .validator = Validator::none});
  return routes.back();
}

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  for (const auto& noun : actors::nouns()) add_noun_routes(routes, noun);
  add_system_routes(routes);
  add_problem_routes(routes);
  add_page_routes(routes);
  add_user_routes(routes);
  add_user_data_routes(routes);
  add_api_key_routes(routes);
  add_notebook_routes(routes);
  add_conversation_routes(routes);
  add_ticket_routes(routes);
  add_chat_routes(routes);
  add_event_routes(routes);
  add_job_routes(routes);
  add_ai_routes(routes);
  add_webhook_routes(routes);
  add_batch_routes(routes);
  add_object_routes(routes);
  add_object_history_routes(routes);
  add_object_alarm_routes(routes);
  add_outbox_routes(routes);
  add_object_transfer_routes(routes);
  return routes;
}

}  // namespace perdure::api
