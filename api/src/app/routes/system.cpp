// SPDX-License-Identifier: Apache-2.0
// What is open to everybody: who this is, and whether it is well.
#include <algorithm>
#include <array>
#include <system_error>

#include "app/context.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "app/slow_work.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

void answer_fresh(Context& context, int status, const Json& body) {
  http::Response response{.status = status, .headers = {}, .body = dump_json(body)};
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  if (status == 503) response.headers.add("Retry-After", "5");
  answer(context, std::move(response));
}

void welcome(const ContextPtr& context) {
  answer_fresh(*context, 200,
               {{"name", "Perdure"},
                {"version", context->services.options.version},
                {"links",
                 {{"docs", "/docs"},
                  {"redoc", "/redoc"},
                  {"openapi", "/openapi.json"},
                  {"health", "/health"},
                  {"info", "/info"}}}});
}

void info(const ContextPtr& context) {
  auto features = Json::array({"durable-objects", "idempotency-keys", "time-travel"});
  for (const auto& feature : context->services.options.features) features.push_back(feature);
  answer_fresh(*context, 200,
               {{"name", "Perdure"},
                {"version", context->services.options.version},
                {"features", std::move(features)}});
}

Json check(std::string_view status, std::string detail) {
  return {{"status", status}, {"detail", std::move(detail)}};
}

/// What an error names as its reason, for programs.
Json failed_check(std::string_view status, const Error& error) {
  auto failed = check(status, error.detail);
  if (!error.fields.empty()) failed["code"] = error.fields.front().code;
  return failed;
}

Json check_storage(const Application::Services& services) {
  const auto writable = services.runtime.check_writable();
  return writable ? check("ok", "accepts writes") : failed_check("unavailable", writable.error());
}

/// Of a store in memory, which takes little more than deletions in its last sixteenth.
Json check_memory(const Application::Services& services) {
  const auto used = services.runtime.stats().store_memory_bytes;
  const auto most = services.options.store_memory_max;
  const auto* status = used > most - most / 8 ? "degraded" : "ok";
  return check(status, std::to_string(used >> 10) + " of " + std::to_string(most >> 10) +
                           " KiB (storage.memory) hold all data, which ends with this process");
}

Json check_disk(const Application::Services& services) {
  const auto& options = services.options;
  if (options.store_memory_max > 0) return check_memory(services);
  if (options.data_dir.empty()) return check("ok", "no data directory is watched");
  std::error_code error;
  const auto space = std::filesystem::space(options.data_dir, error);
  if (error) return check("unavailable", "the data directory cannot be read");
  const auto mebibytes = space.available >> 20;
  const auto* status = space.available < options.free_bytes_min ? "degraded" : "ok";
  return check(status, std::to_string(mebibytes) + " MiB free");
}

// Whoever reads this is on the event loop, so that one turns; how long it kept this request shows
// whether it turns freely.
Json check_event_loop(const Context& context) {
  const auto waited = std::chrono::steady_clock::now() - context.started;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
  return check(ms > 1'000 ? "degraded" : "ok", "answered within " + std::to_string(ms) + " ms");
}

/// Rows that are being made again, and unique values that two objects have.
Json check_indexes(const Application::Services& services) {
  constexpr std::size_t duplicates_shown = 5;
  auto shown = check("ok", "all rows are there");
  auto builds = Json::array();
  for (const auto& build : services.runtime.builds()) {
    builds.push_back({{"kind", build.kind},
                      {"parts", build.parts},
                      {"objects", build.objects},
                      {"done", build.done},
                      {"unreadable", build.unreadable},
                      {"duplicates", build.duplicates}});
  }
  if (!builds.empty()) {
    shown["status"] = "degraded";
    shown["detail"] = "rows are being made again; lists that need them answer 503 index_building";
    shown["builds"] = std::move(builds);
  }
  // Whoever asks need not be anybody: names of kinds and fields alone.
  const auto duplicates = services.runtime.duplicates(duplicates_shown);
  if (!duplicates || duplicates->empty()) return shown;
  auto fields = Json::array();
  for (const auto& duplicate : *duplicates) {
    Json field{{"kind", duplicate.object.kind}, {"field", duplicate.field}};
    if (std::find(fields.begin(), fields.end(), field) == fields.end())
      fields.push_back(std::move(field));
  }
  shown["status"] = "degraded";
  shown["duplicates"] = std::move(fields);
  if (!shown.contains("builds")) {
    shown["detail"] = "two objects have one value of a unique field; perdure check names them";
  }
  return shown;
}

/// What the store holds that this code does not know. It serves the rest as ever.
Json check_kinds(const Application::Services& services) {
  auto unknown = Json::array();
  for (const auto& one : services.runtime.unknown_kinds()) {
    unknown.push_back({{"kind", one.kind},
                       {"stored_version", one.stored_version},
                       {"known_version", one.known_version}});
  }
  if (unknown.empty()) return check("ok", "all kinds are known");
  auto shown = check("degraded", "the store has kinds or versions that are not known");
  shown["unknown"] = std::move(unknown);
  return shown;
}

void answer_health(const ContextPtr& context) {
  Json checks{{"storage", check_storage(context->services)},
              {"indexes", check_indexes(context->services)},
              {"kinds", check_kinds(context->services)},
              {"disk", check_disk(context->services)},
              {"event_loop", check_event_loop(*context)}};
  if (context->services.draining.load()) checks["server"] = check("unavailable", "is stopping");
  std::string_view worst = "ok";
  for (const auto& one : checks) {
    const auto& status = one["status"].get_ref<const std::string&>();
    if (status == "unavailable") worst = "unavailable";
    if (status == "degraded" && worst == "ok") worst = "degraded";
  }
  answer_fresh(*context, worst == "unavailable" ? 503 : 200,
               {{"status", worst}, {"checks", std::move(checks)}});
}

void health(const ContextPtr& context) {
  // It looks for duplicates.
  if (!context->services.runtime.reads_are_slow()) return answer_health(context);
  run_slow(context, WorkClass::read, [context] { answer_health(context); });
}

void live(const ContextPtr& context) { answer_fresh(*context, 200, {{"status", "ok"}}); }

void ready(const ContextPtr& context) {
  auto checks = Json::object();
  if (auto storage = check_storage(context->services); storage["status"] != "ok") {
    checks["storage"] = std::move(storage);
  }
  if (context->services.draining.load()) checks["server"] = check("unavailable", "is stopping");
  const bool yes = checks.empty();
  Json body{{"status", yes ? "ok" : "unavailable"}};
  if (!yes) body["checks"] = std::move(checks);
  answer_fresh(*context, yes ? 200 : 503, body);
}

void metrics(const ContextPtr& context) {
  const auto& expose = context->services.options.metrics.expose;
  if (!expose) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "metrics are off"});
  }
  constexpr std::array expositions{shell::Exposition::text, shell::Exposition::openmetrics};
  constexpr std::array types{content_type(expositions[0]), content_type(expositions[1])};
  const auto accept = joined(context->request.headers, "Accept").value_or("");
  const auto best = best_type(accept, types).value_or(0);
  http::Response response{.status = 200, .headers = {}, .body = expose(expositions[best])};
  response.headers.add("Content-Type", types[best]);
  response.headers.add("Cache-Control", "no-store");
  answer(*context, std::move(response));
}

void openapi(const ContextPtr& context) { answer(*context, context->services.openapi); }

}  // namespace

void add_system_routes(std::vector<Route>& routes) {
  const auto add = [&](std::string path, std::string operation, std::string summary,
                       void (*run)(const ContextPtr&), std::string schema) {
    routes.push_back({.path = std::move(path),
                      .operation = std::move(operation),
                      .tag = "System",
                      .summary = std::move(summary),
                      .target = Function{run},
                      .response_schema = std::move(schema)});
  };
  add("/", "welcome", "Where to find what", welcome, "Welcome");
  add("/info", "getInfo", "Name, version and features", info, "Info");
  add("/health", "getHealth", "The state of each dependency", health, "Health");
  add("/health/live", "getLiveness", "Whether the process runs", live, "Health");
  add("/health/ready", "getReadiness", "Whether it takes requests and writes", ready, "Health");
  add("/openapi.json", "getOpenapi", "This API as OpenAPI 3.1", openapi, "");
  routes.back().validator = Validator::digest;
  routes.push_back({.path = "/metrics",
                    .operation = "getMetrics",
                    .tag = "System",
                    .summary = "Metrics for Prometheus",
                    .permission = {"metrics", Access::read, Audience::admin},
                    .target = Function{metrics},
                    .produces = std::string{content_type(shell::Exposition::text)},
                    .also_produces = std::string{content_type(shell::Exposition::openmetrics)}});
}

}  // namespace perdure::api
