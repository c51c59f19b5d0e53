// SPDX-License-Identifier: Apache-2.0
// What becomes of a session that was upgraded.
#pragma once

#include <memory>
#include <string>

#include "http/io_loop.hpp"
#include "http/transport.hpp"
#include "perdure/api/http/websocket.hpp"

namespace perdure::http {

struct WebSocketStart {
  std::shared_ptr<IoLoop> loop;
  Channel channel;
  Place place;
  Hold kept;          ///< counts the connection itself
  Hold queued;        ///< is to count what waits to be sent
  Headers handshake;  ///< checked
  std::string request_id;
  std::shared_ptr<WebSocketHandler> handler;
  WebSocketOptions options;
};

/// Answers the handshake and takes over the connection, which is counted as open already.
/// Threads  the loop's.
void start_websocket(WebSocketStart start);

/// Sends back what it gets.
[[nodiscard]] std::shared_ptr<WebSocketHandler> make_echo_handler();
[[nodiscard]] WebSocketOptions echo_options();

}  // namespace perdure::http
