// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/app/application.hpp"

#include "app/administrators.hpp"
#include "app/authenticate.hpp"
#include "app/batch/part.hpp"
#include "app/checks.hpp"
#include "app/context.hpp"
#include "app/dispatch.hpp"
#include "app/openapi.hpp"
#include "app/operating.hpp"
#include "app/pipeline.hpp"
#include "app/services.hpp"
#include "app/slow_work.hpp"

namespace perdure::api {

namespace {

RatePolicy policy_of(const RateLimit& limit) {
  return {.requests = limit.requests, .window = limit.window};
}

void answer_options(Context& context, const std::string& allow) {
  http::Response response{.status = 204, .headers = {}, .body = {}};
  response.headers.add("Allow", allow);
  const auto origin = context.request.headers.find("Origin");
  if (origin && context.request.headers.find("Access-Control-Request-Method")) {
    context.services.cors.allow_preflight(*origin, allow, response);
  }
  answer(context, std::move(response));
}

// A larger body takes an io thread more than a few tenths of a millisecond to parse and check.
constexpr std::size_t body_bytes_on_io_max = std::size_t{16} * 1024;

void check_body_here(ContextPtr context) {
  if (auto checked = check_body(*context); !checked) {
    return answer(*context, std::move(checked).error());
  }
  if (auto checked = check_role(*context); !checked) {
    return answer(*context, std::move(checked).error());
  }
  dispatch(std::move(context));
}

void check_body_and_dispatch(ContextPtr context) {
  const bool is_parsed = context->route->route.body != BodyUse::raw;
  if (!is_parsed || context->request.body.size() <= body_bytes_on_io_max) {
    return check_body_here(std::move(context));
  }
  run_slow(context, WorkClass::read, [context] { check_body_here(context); });
}

// All that the head can show was in order.
void read_body(ContextPtr context) {
  auto& responder = context->responder;
  responder.read_body({.bytes_max = body_bytes_max(*context),
                       .owner = context->owner(),
                       .done = [context = std::move(context)](http::ReadBody&& body) {
                         auto& request = context->request;
                         request.body = std::move(body.bytes);
                         request.hold = std::move(body.hold);
                         request.body_state = http::BodyState::whole;
                         check_body_and_dispatch(context);
                       }});
}

// After authentication: whatever the table can decide, in the order in which it is cheap.
void check_and_dispatch(ContextPtr context) {
  if (auto allowed = check_permission(*context->route, context->standing.get()); !allowed) {
    return answer(*context, std::move(allowed).error());
  }
  if (auto allowed = check_path_kind(*context); !allowed) {
    return answer(*context, std::move(allowed).error());
  }
  if (auto problem = check_media(*context)) return answer(*context, *problem);
  if (auto checked = check_origin(*context); !checked) {
    return answer(*context, std::move(checked).error());
  }
  for (auto* check : {check_fields, check_query}) {
    if (auto checked = check(*context); !checked) {
      return answer(*context, std::move(checked).error());
    }
  }
  const bool takes_body = context->route->route.body != BodyUse::none;
  if (takes_body && context->request.body_state == http::BodyState::unread) {
    return read_body(std::move(context));
  }
  check_body_and_dispatch(std::move(context));
}

/// Why the request cannot be part of its batch, if so.
std::optional<Problem> check_in_batch(const Context& context) {
  const auto& route = context.route->route;
  const auto& target = route.target;
  if (context.part->is_atomic()) {
    const auto* call = std::get_if<ObjectCall>(&target);
    const bool is_command = call != nullptr && call->type == CallType::command;
    if (is_command || std::holds_alternative<Commands>(target)) return {};
    return not_in_batch(
        "is no create, change or delete of one resource, and an atomic batch has nothing else");
  }
  if (route.operation == batch_operation) return not_in_batch("is a batch itself");
  if (route.body == BodyUse::raw || std::holds_alternative<Sliced>(target)) {
    return not_in_batch("may carry more than a batch has room for");
  }
  return {};
}

// Finds the route, or answers; null when it has answered.
const CompiledRoute* find_route(Context& context) {
  const auto raw = context.request.path();
  if (raw == "*") {
    answer_options(context, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    return nullptr;
  }
  auto path = Path::parse(raw);
  if (!path) {
    answer(context, std::move(path).error());
    return nullptr;
  }
  context.path = std::move(*path);
  auto match = context.services.router.find(context.request.method, context.path);
  context.values = match.values;
  if (match.route != nullptr) return match.route;
  if (match.allow.empty()) {
    answer(context, Error{.code = ErrorCode::not_found, .detail = "no such path"});
  } else if (context.request.method == http::Method::options) {
    answer_options(context, match.allow);
  } else {
    Problem problem{.code = "method_not_allowed", .detail = "this path allows " + match.allow};
    problem.headers.emplace_back("Allow", match.allow);
    answer(context, problem);
  }
  return nullptr;
}

}  // namespace

Problem not_in_batch(std::string message) {
  Problem problem{.code = "validation_failed", .detail = "this request " + message};
  problem.fields.push_back({"path", "not_in_batch", std::move(message)});
  return problem;
}

void carry_out_part(ContextPtr context) {
  context->route = find_route(*context);
  if (context->route == nullptr) return;
  if (const auto refused = check_in_batch(*context)) return answer(*context, *refused);
  authenticate_again(std::move(context), check_and_dispatch);
}

Application::Services::Services(Runtime& with_runtime, const Clock& with_clock, Random& with_random,
                                ApplicationOptions with_options)
    : runtime(with_runtime),
      clock(with_clock),
      random(with_random),
      options(std::move(with_options)),
      router(all_routes()),
      cors({.origins = options.cors_origins, .headers = options.cors_headers}),
      server_bucket("server", policy_of(options.server_rate)),
      openapi(static_answer("application/json",
                            render_openapi(router, options.version, runtime.kinds()))),
      slow_work(options.slow) {
  if (!options.metrics.meter) return;
  for (const auto& route : router.routes()) {
    meters.push_back(options.metrics.meter(route.route.path));
  }
  other_meter = options.metrics.meter("other");
}

Application::Application(Runtime& runtime, const Clock& clock, Random& random,
                         ApplicationOptions options)
    : services_(std::make_unique<Services>(runtime, clock, random, std::move(options))) {}

Application::~Application() = default;

void Application::handle(http::Request&& request, http::Responder responder) {
  // Shared: the handlers of replies must be copyable, and one of them owns it at a time.
  auto context = std::make_shared<Context>(*services_, std::move(request), std::move(responder));
  context->route = find_route(*context);
  if (context->route == nullptr) return;
  const auto state = services_->server_bucket.take(services_->clock);
  if (!state.taken) {
    auto problem = problem_from({.code = ErrorCode::rate_limited,
                                 .detail = "the server's rate limit is reached",
                                 .fields = {},
                                 .retry_after = state.retry});
    problem.headers.emplace_back("RateLimit-Policy", services_->server_bucket.policy_text());
    problem.headers.emplace_back("RateLimit", services_->server_bucket.state_text(state));
    return answer(*context, problem);
  }
  if (context->route->route.permission.access == Access::open) {
    return check_and_dispatch(std::move(context));
  }
  authenticate(std::move(context), check_and_dispatch);
}

void Application::start_draining() { services_->draining.store(true); }

http::Response Application::render_problem(const http::Problem& problem) const {
  auto response = render_refusal(problem);
  const auto& cors = services_->cors;
  if (cors.enabled()) {
    response.headers.add("Vary", "Origin");
    cors.allow(problem.origin ? *problem.origin : cors.only_one(), response);
  }
  return response;
}

std::function<std::string(std::string_view kind)> kind_resources() {
  // Shared: functions are copied.
  return [router = std::make_shared<const Router>(all_routes())](std::string_view kind) {
    return router->resource_of(kind);
  };
}

std::string openapi_document(std::string_view version, const std::vector<Kind>& kinds) {
  return render_openapi(Router{all_routes()}, version, kinds);
}

}  // namespace perdure::api
