// SPDX-License-Identifier: Apache-2.0
#include "loopback.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "perdure/api/http/server.hpp"
#include "target.hpp"

namespace perdure::fuzz {

namespace {

constexpr int patience_ms = 60'000;

http::Response text(int status, std::string body) {
  http::Response response{.status = status};
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

/// Says how much it got.
class Counter final : public http::Handler {
 public:
  void handle(http::Request&& request, http::Responder responder) override {
    responder.send(text(200, "body of " + std::to_string(request.body.size())));
  }
};

class Loopback {
 public:
  Loopback() {
    http::Services services{.clock = clock_, .random = random_, .render_problem = render};
    http::ServerOptions options;
    options.limits.body_bytes_max = 64 * 1024;
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

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    PERDURE_CHECK(socket_ >= 0, "a socket");
    // Goes with a reset, so that no port is left waiting.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto done =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    PERDURE_CHECK(done == 0, std::strerror(errno));
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Reads what comes meanwhile, since a server that is not read from stops reading. False when the
  /// server has closed.
  bool send(std::string_view bytes, std::string& received) {
    while (!bytes.empty()) {
      const auto ready = wait(POLLIN | POLLOUT);
      if ((ready & POLLIN) != 0 && !receive(received)) return false;
      if ((ready & POLLOUT) == 0) continue;
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end() { ::shutdown(socket_, SHUT_WR); }

  /// False at the end of what the server sends.
  bool receive(std::string& received) {
    std::array<char, 16 * 1024> part;
    static_cast<void>(wait(POLLIN));
    const auto count = ::recv(socket_, part.data(), part.size(), 0);
    if (count <= 0) return false;
    received.append(part.data(), static_cast<std::size_t>(count));
    return true;
  }

 private:
  [[nodiscard]] short wait(short events) const {
    pollfd asked{.fd = socket_, .events = events, .revents = 0};
    PERDURE_CHECK(::poll(&asked, 1, patience_ms) == 1, "the server neither answers nor closes");
    return asked.revents;
  }

  int socket_;
};

}  // namespace

std::string talk(std::string_view bytes, std::string_view first) {
  static const Loopback server;
  Client client{server.port()};
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
