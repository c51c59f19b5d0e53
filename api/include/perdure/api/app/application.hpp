// SPDX-License-Identifier: Apache-2.0
// Application: what the product answers to HTTP. It takes requests from the server, and answers
// them from one route table with calls of the runtime; it opens no socket and no file itself.
//
//   Application application{*runtime, clock, random, {.version = "0.1.0"}};
//   const auto render = [&](const http::Problem& problem) {
//     return application.render_problem(problem);
//   };
//   auto server = http::Server::start(options, {.clock = clock, .random = random,
//                                     .render_problem = render}, application);
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/api/http/handler.hpp"
#include "perdure/api/http/server.hpp"
#include "perdure/api/shell/metrics.hpp"
#include "perdure/base/random.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

/// `requests` at once, and as many again over each `window`; 0 requests: no limit.
struct RateLimit {
  std::uint64_t requests = 0;
  std::chrono::seconds window{60};
};

/// What the application shows at /metrics, and counts requests on. Empty functions: neither.
struct MetricsPort {
  /// The meter of a route template; kept for the application's life.
  std::function<shell::RouteMeter*(std::string_view route)> meter = {};
  std::function<std::string(shell::Exposition)> expose = {};
};

/// Threads for what requests ask for and io threads must not do, and how much of it may be there.
struct SlowLimits {
  std::size_t read_threads = 2;          ///< lists, single looks at the store
  std::size_t transfer_threads = 1;      ///< exports, imports, erasures
  std::size_t hash_threads = 1;          ///< passwords; 64 MiB each
  std::size_t requests_max = 256;        ///< of each of the three, under way or waiting: 503
  std::size_t owner_requests_max = 128;  ///< those of one user, or of one address without: 429
};

struct ApplicationOptions {
  std::string version = "0.0.0";
  std::vector<std::string> features = {};      ///< for /info
  std::vector<std::string> cors_origins = {};  ///< none: browsers of other origins are refused
  /// Fields that pages of those origins may send, beside those that the API itself takes.
  std::vector<std::string> cors_headers = {};
  /// Of a key that has none of its own. Far above what one machine serves: there to be seen.
  RateLimit key_rate{.requests = 1'000'000, .window = std::chrono::seconds{10}};
  RateLimit server_rate = {};
  std::chrono::milliseconds call_deadline{30'000};
  std::filesystem::path data_dir = {};       ///< for the check of free space; empty: none
  std::uint64_t store_memory_max = 0;        ///< of a store in memory; 0: it is on disk
  std::uint64_t free_bytes_min = 64u << 20;  ///< below it /health says degraded
  std::size_t body_bytes_max = 1u << 20;
  std::size_t import_bytes_max = 64u << 20;         ///< of POST /durable-objects/import
  std::size_t webhooks_per_owner_max = 1'000;       ///< as WebhookPolicy, for those brought back
  std::size_t jobs_queued_max = 1'000'000;          ///< as JobOptions, for those of a batch
  std::size_t jobs_per_owner_queued_max = 100'000;  ///< the same
  std::size_t sockets_per_user_max = 1'000;         ///< streams and WebSockets open at a time
  MemoryBudget* memory = nullptr;  ///< counts large bodies as they are parsed; null: nothing does
  SlowLimits slow = {};
  MetricsPort metrics = {};
  /// For /jobs/stats: of everybody's jobs, or of one user's (actors::job_stats). Empty: none.
  std::function<Result<Json>(const std::optional<std::string>& owner)> job_stats = {};
  /// Whether the server may call a URL, for bodies that name one; `fields` of its error stand at
  /// `/url`. Must not block. Empty: any.
  std::function<Result<void>(std::string_view url)> check_outgoing_url = {};
};

/// Which resource's scopes open the objects of a kind, by the route table: for jobs that export
/// (actors::built_in_job_types).
[[nodiscard]] std::function<std::string(std::string_view kind)> kind_resources();

/// /openapi.json, without a runtime: for `perdure openapi`.
[[nodiscard]] std::string openapi_document(std::string_view version,
                                           const std::vector<Kind>& kinds);

/// Threads    every method may be called from any thread; `handle` is called on io threads and
///            does not block: hashing, lists and exports run on threads of their own.
/// Lifecycle  the runtime, the clock and the random source outlive it. It must itself outlive
///            the requests that it was given: stop the server, then the runtime, then destroy it.
class Application final : public http::Handler {
 public:
  Application(Runtime& runtime, const Clock& clock, Random& random, ApplicationOptions options);
  ~Application() override;

  void handle(http::Request&& request, http::Responder responder) override;

  /// The failures of the HTTP layer as problems, for http::Services::render_problem.
  [[nodiscard]] http::Response render_problem(const http::Problem& problem) const;

  /// From now on /health/ready says 503, so that balancers send nobody new.
  void start_draining();

  struct Services;

 private:
  std::unique_ptr<Services> services_;
};

}  // namespace perdure::api
