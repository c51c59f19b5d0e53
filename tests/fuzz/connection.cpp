// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "perdure/base/check.hpp"

namespace perdure::fuzz {

namespace {

constexpr int patience_ms = 60'000;

int open_socket() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  PERDURE_CHECK(socket >= 0, std::strerror(errno));
  return socket;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// What happened to a socket.
short wait_for(int socket, short events) {
  pollfd asked{.fd = socket, .events = events, .revents = 0};
  PERDURE_CHECK(::poll(&asked, 1, patience_ms) == 1, "the peer does nothing, and does not close");
  return asked.revents;
}

}  // namespace

Connection Connection::to(std::uint16_t port) {
  const int socket = open_socket();
  const auto address = loopback(port);
  const auto done = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  PERDURE_CHECK(done == 0, std::strerror(errno));
  return Connection{socket};
}

Connection::Connection(int socket) : socket_(socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() { ::close(socket_); }

short Connection::wait(short events) const { return wait_for(socket_, events); }

bool Connection::send(std::string_view bytes, std::string& received) {
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

void Connection::end() { ::shutdown(socket_, SHUT_WR); }

bool Connection::receive(std::string& received) {
  std::array<char, 16 * 1024> part;
  static_cast<void>(wait(POLLIN));
  const auto count = ::recv(socket_, part.data(), part.size(), 0);
  if (count <= 0) return false;
  received.append(part.data(), static_cast<std::size_t>(count));
  return true;
}

Listener::Listener() : socket_(open_socket()) {
  auto address = loopback(0);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  PERDURE_CHECK(::bind(socket_, plain, size) == 0 && ::listen(socket_, SOMAXCONN) == 0 &&
                    ::getsockname(socket_, plain, &size) == 0,
                std::strerror(errno));
  port_ = ntohs(address.sin_port);
}

Listener::~Listener() { ::close(socket_); }

Connection Listener::accept() const {
  static_cast<void>(wait_for(socket_, POLLIN));
  const int accepted = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  PERDURE_CHECK(accepted >= 0, std::strerror(errno));
  return Connection{accepted};
}

}  // namespace perdure::fuzz
