// SPDX-License-Identifier: Apache-2.0
// The WebSockets of the test server: what an application does with them.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "perdure/api/http/handler.hpp"

namespace perdure::http {

/// Everybody at /sockets hears what is posted to it; nothing that they say is answered.
///   POST /sockets/publish?N   the body, N times, from another thread, as one shared text
///   POST /sockets/close?CODE  closes all
///   GET /sockets/report       a line `open N`, then each close code that a handler has heard
class Sockets {
 public:
  explicit Sockets(const WebSocketOptions& options) : options_(options) {}
  ~Sockets();

  /// Whether `request` was one of these, and has been answered.
  bool handle(Request& request, Responder& responder);

  void joined(std::shared_ptr<WebSocket> socket);
  void left(const WebSocket& socket, std::uint16_t code);

 private:
  void publish(std::string text, std::size_t times);
  std::string report();

  const WebSocketOptions options_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<WebSocket>> open_;
  std::list<std::thread> publishers_;
  std::string ends_;
};

}  // namespace perdure::http
