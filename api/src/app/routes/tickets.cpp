// SPDX-License-Identifier: Apache-2.0
// POST /auth/tickets.
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

void issue_ticket(const ContextPtr& context) {
  auto ticket = context->services.tickets.issue(context->key, context->owner());
  if (!ticket) return answer(*context, std::move(ticket).error());
  http::Response response{.status = 200, .headers = {}, .body = {}};
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  response.body = dump_json({{"ticket", *ticket}, {"expires_in", Tickets::lifetime.count()}});
  answer(*context, std::move(response));
}

}  // namespace

Route accept_tickets(Route route) {
  route.credentials = Credentials::key_or_ticket;
  route.query.push_back(
      {.name = ticket_parameter,
       .description = "In place of a key, where no header can be sent: see `POST /auth/tickets`."});
  return route;
}

void add_ticket_routes(std::vector<Route>& routes) {
  routes.push_back({.method = http::Method::post,
                    .path = "/auth/tickets",
                    .operation = "createTicket",
                    .tag = "Authentication",
                    .summary = "A ticket that opens one WebSocket or event stream as `?ticket=`",
                    .permission = {.access = Access::any_scope},
                    .target = Function{issue_ticket},
                    .response_schema = "Ticket",
                    .description =
                        "For browsers, which can send no header there. It stands for the caller's "
                        "key, may be used once, within 30 s, and does not outlive the server.",
                    .validator = Validator::none});
}

}  // namespace perdure::api
