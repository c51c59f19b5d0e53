// SPDX-License-Identifier: Apache-2.0
// Plain sockets on the loopback interface, for targets whose inputs are the bytes of a connection.
// An end that neither reads, writes nor closes for a minute is a finding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perdure::fuzz {

/// One end of a connection. Goes with a reset, so that no port is left waiting.
class Connection {
 public:
  [[nodiscard]] static Connection to(std::uint16_t port);
  /// Takes over an open socket.
  explicit Connection(int socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Reads what comes meanwhile, since a peer that is not read from may stop reading. False when
  /// the peer has closed.
  bool send(std::string_view bytes, std::string& received);
  /// Nothing more will be sent.
  void end();
  /// Waits for something. False at the end of what the peer sends.
  bool receive(std::string& received);

 private:
  [[nodiscard]] short wait(short events) const;

  int socket_;
};

/// Waits for connections on a port that the kernel has chosen.
class Listener {
 public:
  Listener();
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] Connection accept() const;

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

}  // namespace perdure::fuzz
