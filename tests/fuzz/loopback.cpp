// SPDX-License-Identifier: Apache-2.0
#include "loopback.hpp"

#include "connection.hpp"
#include "perdure/api/http/server.hpp"

namespace perdure::fuzz {

namespace {

http::Response text(int status, std::string body) {
  http::Response response{.status = status};
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

/// Says how much it got.
class Counter final : public http::WholeRequestHandler {
 public:
  Counter() : WholeRequestHandler(64 * 1024) {}

 protected:
  void handle_whole(http::Request&& request, http::Responder responder) override {
    responder.send(text(200, "body of " + std::to_string(request.body.size())));
  }
};

class Loopback {
 public:
  Loopback() {
    http::Services services{.clock = clock_, .random = random_, .render_problem = render};
    http::ServerOptions options;
    options.websocket_echo = http::Echo::on;
    server_ = http::Server::start(std::move(options), std::move(services), handler_).value();
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

 private:
  static http::Response render(const http::Problem& problem) {
    return text(problem.status, std::string{problem.code});
  }

  SystemClock clock_;
  SecureRandom random_;
  Counter handler_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

std::string talk(std::string_view bytes, std::string_view first) {
  static const Loopback server;
  auto client = Connection::to(server.port());
  std::string received;
  if (!first.empty()) {
    bool open = client.send(first, received);
    while (open && received.find("\r\n\r\n") == std::string::npos) open = client.receive(received);
  }
  if (client.send(bytes, received)) client.end();
  while (client.receive(received)) {
  }
  return received;
}

}  // namespace perdure::fuzz
