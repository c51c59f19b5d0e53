// SPDX-License-Identifier: Apache-2.0
// The parts of the route table, one function for each topic; table.cpp lists them.
#pragma once

#include <string>
#include <vector>

#include "app/route.hpp"

namespace perdure::api {

/// Lets a route be asked with `?ticket=`, too.
[[nodiscard]] Route accept_tickets(Route route);

/// Adds routes for operators, about durable objects: administrators' alone, and without ETags.
struct OperatorRoutes {
  std::vector<Route>& routes;

  Route& operator()(http::Method method, std::string path, std::string operation,
                    std::string summary, Target target, std::string response) const;
};

void add_system_routes(std::vector<Route>& routes);
void add_problem_routes(std::vector<Route>& routes);
void add_page_routes(std::vector<Route>& routes);
void add_object_routes(std::vector<Route>& routes);
void add_object_history_routes(std::vector<Route>& routes);
void add_object_alarm_routes(std::vector<Route>& routes);
void add_outbox_routes(std::vector<Route>& routes);
void add_object_transfer_routes(std::vector<Route>& routes);
void add_user_routes(std::vector<Route>& routes);
void add_user_data_routes(std::vector<Route>& routes);
void add_api_key_routes(std::vector<Route>& routes);
void add_notebook_routes(std::vector<Route>& routes);
void add_conversation_routes(std::vector<Route>& routes);
void add_chat_routes(std::vector<Route>& routes);
void add_job_routes(std::vector<Route>& routes);
void add_ai_routes(std::vector<Route>& routes);
void add_event_routes(std::vector<Route>& routes);
void add_ticket_routes(std::vector<Route>& routes);
void add_webhook_routes(std::vector<Route>& routes);
void add_batch_routes(std::vector<Route>& routes);

}  // namespace perdure::api
