// SPDX-License-Identifier: Apache-2.0
// A small server for the protocol tests: routes that are constant, that echo and that are slow.
//
//   test_server [--name value]…   prints `listening on PORT`; SIGTERM drains, SIGHUP reloads TLS
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "perdure/api/http/direct_answers.hpp"
#include "perdure/api/http/server.hpp"
#include "perdure/base/processor_time.hpp"
#include "sockets.hpp"
#include "streams.hpp"

namespace {

using namespace perdure;

std::shared_ptr<const std::string> big_asset() {
  static const auto asset = std::make_shared<const std::string>(std::string(100'000, 'a'));
  return asset;
}

http::Response text(int status, std::string body) {
  http::Response response{.status = status};
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(body);
  return response;
}

/// Text that shrinks under gzip, and shows whether a piece is missing.
std::string lines_of(std::size_t bytes) {
  std::string all;
  for (std::size_t number = 0; all.size() < bytes; ++number) {
    all += "line " + std::to_string(number) + '\n';
  }
  all.resize(bytes);
  return all;
}

std::size_t number_in(std::string_view query) {
  return query.empty() ? 0 : std::stoull(std::string{query});
}

#ifdef NDEBUG
constexpr const char* build = "release";
#else
constexpr const char* build = "debug";
#endif

/// Takes processor time of this thread.
void spin(Milliseconds time) {
  for (const auto end = processor_time() + time; processor_time() < end;) {
  }
}

http::Response render_problem(const http::Problem& problem) {
  http::Response response{.status = problem.status};
  response.headers.add("Content-Type", "application/problem+json");
  response.headers.add("X-Origin", problem.origin.value_or("unknown"));
  response.body = R"({"status":)" + std::to_string(problem.status) + R"(,"code":")" +
                  std::string{problem.code} + R"(","detail":")" + problem.detail +
                  R"(","request_id":")" + std::string{problem.request_id} + "\"}";
  return response;
}

std::string describe(const http::Request& request) {
  std::string all = std::string{to_string(request.method)} + ' ' + request.target + '\n';
  all += "path=" + std::string{request.path()} + '\n';
  all += "query=" + std::string{request.query()} + '\n';
  all += "host=" + std::string{request.host()} + '\n';
  all += "peer=" + request.peer + '\n';
  all += request.transport == http::Transport::tls ? "tls\n" : "plain\n";
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto field = request.headers.at(i);
    all.append(field.name).append("=").append(field.value).append("\n");
  }
  return all;
}

/// Answers from its own thread, in bursts: what a committer does.
class Later {
 public:
  Later(Milliseconds pause, bool direct)
      : pause_(pause), direct_(direct), thread_([this] { run(); }) {}
  ~Later() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void add(http::Responder responder, http::Response response = text(200, "later")) {
    {
      const std::lock_guard lock{mutex_};
      waiting_.push_back({std::move(responder), std::move(response)});
    }
    changed_.notify_one();
  }

 private:
  struct Answer {
    http::Responder responder;
    http::Response response;
  };

  void run() {
    std::optional<http::DirectAnswers> direct;
    if (direct_) direct.emplace();
    std::deque<Answer> burst;
    for (;;) {
      {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        burst.swap(waiting_);
      }
      if (pause_.count() > 0) std::this_thread::sleep_for(pause_);
      for (auto& [responder, response] : burst) responder.send(std::move(response));
      burst.clear();
    }
  }

  const Milliseconds pause_;
  const bool direct_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Answer> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

class TestHandler final : public http::WholeRequestHandler {
 public:
  TestHandler(const http::WebSocketOptions& options, bool direct, std::size_t body_bytes_max)
      : WholeRequestHandler(body_bytes_max),
        sockets_(options),
        burst_(Milliseconds{0}, direct),
        slow_(Milliseconds{500}, direct) {}

  void handle_whole(http::Request&& request, http::Responder responder) override {
    if (streams_.handle(request, responder) || sockets_.handle(request, responder)) return;
    const auto path = request.path();
    if (path == "/constant") return responder.send(text(200, "constant"));
    if (path == "/echo") return responder.send(text(200, std::move(request.body)));
    if (path == "/describe") return responder.send(text(200, describe(request)));
    if (path == "/burst") return burst_.add(std::move(responder));
    if (path == "/burst/asset") return burst_.add(std::move(responder), asset("/asset"));
    if (path == "/burst/close") return burst_.add(std::move(responder), close());
    if (path == "/burst/empty") return burst_.add(std::move(responder), {.status = 204});
    if (path == "/slow") return slow_.add(std::move(responder));
    if (path == "/block") {
      std::this_thread::sleep_for(Milliseconds{1000});
      return responder.send(text(200, "blocked"));
    }
    if (path == "/never") return keep(std::move(responder));
    if (path == "/spin") {
      spin(Milliseconds{static_cast<std::int64_t>(number_in(request.query()))});
      return responder.send(text(200, "spun"));
    }
    if (path == "/build") return responder.send(text(200, build));
    if (path == "/big") return send_big(number_in(request.query()), std::move(responder));
    if (path == "/drop") return;
    if (path == "/throw") throw std::runtime_error("a handler must not throw");
    if (path == "/empty") return responder.send({.status = 204});
    if (path == "/unmodified") return responder.send({.status = 304});
    if (path == "/asset" || path == "/precompressed" || path == "/image") {
      return responder.send(asset(path));
    }
    if (path == "/forged") return responder.send(forged());
    if (path == "/close") return responder.send(close());
    responder.send(text(404, "no such route"));
  }

  [[nodiscard]] std::size_t body_bytes_max(const http::Request& request) const override {
    if (request.path() == "/describe") return 0;
    return WholeRequestHandler::body_bytes_max(request);
  }

 private:
  static http::Response asset(std::string_view path) {
    http::Response response;
    response.headers.add("Content-Type", path == "/image" ? "image/png" : "text/css");
    response.headers.add("ETag", "\"7\"");
    response.body = big_asset();
    if (path == "/precompressed") {
      response.gzip_body = std::make_shared<const std::string>("precompressed bytes");
    }
    return response;
  }

  static http::Response close() {
    auto response = text(200, "bye");
    response.headers.add("Connection", "close");
    return response;
  }

  static http::Response forged() {
    auto response = text(200, "forged");
    response.headers.add("X-Value", "a\r\nX-Forged: yes");
    response.headers.add("Content-Length", "1");
    response.headers.add("Date", "never");
    return response;
  }

  /// From a thread of its own: to make it takes longer than an io thread may be held.
  void send_big(std::size_t bytes, http::Responder responder) {
    const std::lock_guard lock{mutex_};
    producers_.emplace_back(
        [bytes, to = std::move(responder)]() mutable { to.send(text(200, lines_of(bytes))); });
  }

  void keep(http::Responder responder) {
    const std::lock_guard lock{mutex_};
    kept_.push_back(std::move(responder));
  }

  http::Streams streams_;
  http::Sockets sockets_;
  std::mutex mutex_;
  std::vector<http::Responder> kept_;
  std::vector<std::jthread> producers_;
  Later burst_;
  Later slow_;
};

/// Judges heads: `/unwanted` never takes a body, `/late` asks another thread before it wants one.
/// Whatever else there is goes on to TestHandler.
class JudgingHandler final : public http::Handler {
 public:
  explicit JudgingHandler(http::Handler& next) : next_(next) {}

  void handle(http::Request&& request, http::Responder responder) override {
    if (request.path() == "/unwanted") return responder.send(text(403, "unwanted"));
    if (request.path() != "/late" || request.body_state == http::BodyState::whole) {
      return next_.handle(std::move(request), std::move(responder));
    }
    const auto waiting = std::make_shared<http::Responder>(std::move(responder));
    const std::lock_guard lock{mutex_};
    asked_.emplace_back([waiting] {
      waiting->read_body({.bytes_max = 1u << 20, .done = [waiting](http::ReadBody&& body) {
                            waiting->send(text(200, std::move(body.bytes)));
                          }});
    });
  }

 private:
  http::Handler& next_;
  std::mutex mutex_;
  std::vector<std::jthread> asked_;
};

class Arguments {
 public:
  Arguments(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
  }
  template <class Number>
  void number(const char* name, Number& into) const {
    if (const auto found = values_.find(name); found != values_.end()) {
      into = static_cast<Number>(std::strtoull(found->second.c_str(), nullptr, 10));
    }
  }
  void milliseconds(const char* name, Milliseconds& into) const {
    std::int64_t count = into.count();
    number(name, count);
    into = Milliseconds{count};
  }
  [[nodiscard]] std::string text(const char* name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string{} : found->second;
  }

 private:
  std::map<std::string, std::string> values_;
};

http::ServerOptions options_from(const Arguments& arguments) {
  http::ServerOptions options;
  arguments.number("--port", options.port);
  arguments.number("--io-threads", options.io_threads);
  arguments.number("--header-bytes", options.limits.header_bytes_max);
  arguments.number("--url-bytes", options.limits.url_bytes_max);
  arguments.number("--connections", options.limits.connections_max);
  arguments.number("--connections-per-address", options.limits.connections_per_address);
  arguments.number("--rate", options.timeouts.bytes_per_s_min);
  arguments.milliseconds("--held-ms", options.loop_held_max);
  arguments.milliseconds("--header-ms", options.timeouts.header);
  arguments.milliseconds("--body-ms", options.timeouts.body);
  arguments.milliseconds("--idle-ms", options.timeouts.idle);
  arguments.milliseconds("--write-ms", options.timeouts.write);
  arguments.milliseconds("--handler-ms", options.timeouts.handler);
  arguments.milliseconds("--stream-idle-ms", options.timeouts.stream_idle);
  if (const auto address = arguments.text("--address"); !address.empty()) {
    options.address = address;
  }
  options.tls = {arguments.text("--certificate"), arguments.text("--key")};
  if (arguments.text("--websocket-echo") == "on") options.websocket_echo = http::Echo::on;
  return options;
}

http::WebSocketOptions socket_options_from(const Arguments& arguments) {
  http::WebSocketOptions options;
  arguments.number("--socket-queue-bytes", options.send_queue_bytes_max);
  arguments.number("--socket-message-bytes", options.message_bytes_max);
  arguments.milliseconds("--socket-idle-ms", options.idle_timeout);
  if (arguments.text("--socket-overflow") == "close") options.overflow = http::Overflow::close;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const Arguments arguments{argc, argv};
  const auto log = arguments.text("--log") == "on";
  auto options = options_from(arguments);
  std::size_t body_bytes_max = 1u << 20;
  arguments.number("--body-bytes", body_bytes_max);
  MemoryBudget::Limits memory_limits;
  arguments.number("--memory-bytes", memory_limits.all_bytes_max);
  arguments.number("--client-memory-bytes", memory_limits.owner_bytes_max);
  MemoryBudget memory{memory_limits};
  const SystemClock clock;
  SecureRandom random;
  TestHandler handler{socket_options_from(arguments), arguments.text("--direct") == "on",
                      body_bytes_max};
  JudgingHandler judge{handler};
  http::Services services{
      .clock = clock, .random = random, .render_problem = render_problem, .memory = &memory};
  if (log) {
    services.on_finished = [](const http::Finished& finished) {
      std::printf("%.*s %d in=%zu out=%zu %s%s\n", static_cast<int>(finished.method.size()),
                  finished.method.data(), finished.status, finished.body_bytes_in,
                  finished.bytes_out, finished.duration.count() >= 0 ? "ok" : "bad",
                  finished.lasts_for == http::LastsFor::its_reader ? " live" : "");
      std::fflush(stdout);
    };
  }
  auto server = http::Server::start(std::move(options), std::move(services), judge);
  if (!server) {
    std::fprintf(stderr, "%s\n", to_string(server.error()).c_str());
    return 1;
  }
  std::printf("listening on %u\n", unsigned{(*server)->port()});
  std::fflush(stdout);
  for (int signal = 0; sigwait(&signals, &signal) == 0;) {
    if (signal != SIGHUP) break;
    const auto reloaded = (*server)->reload_tls();
    std::printf("%s\n", reloaded ? "reloaded" : to_string(reloaded.error()).c_str());
    std::fflush(stdout);
  }
  (*server)->drain(std::chrono::seconds{5});
  const auto left = (*server)->connections().open;
  std::printf("drained, %zu open\n", left);
  return left == 0 ? 0 : 2;
}
