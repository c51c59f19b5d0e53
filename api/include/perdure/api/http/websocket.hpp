// SPDX-License-Identifier: Apache-2.0
// WebSocket connections (RFC 6455, permessage-deflate). A handler accepts the upgrade through its
// Responder and then hears of messages on the connection's io thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "perdure/base/result.hpp"

namespace perdure::http {

enum class MessageKind { text, binary };

/// permessage-deflate where the client offers it. A connection that uses it holds about 170 KiB.
enum class Compression { off, on };

struct WebSocketOptions {
  /// A longer message closes the connection with 1009.
  std::size_t message_bytes_max = std::size_t{1} << 20;
  /// What may wait to be sent. A single message always fits into an empty queue.
  std::size_t send_queue_bytes_max = std::size_t{1} << 20;
  /// A peer silent for half of this is pinged, one silent for all of it is dropped.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds{60};
  Compression compression = Compression::on;
};

/// One open connection.
/// Threads  any.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// Queues one message; messages leave in order of the calls.
  /// Errors  overloaded   the queue is full: the peer reads too slowly.
  ///         unavailable  the connection is closed or closing.
  virtual Result<void> send(MessageKind kind, std::string payload) = 0;
  /// Starts the closing handshake after what is queued. Later calls do nothing.
  virtual void close(std::uint16_t code, std::string reason) = 0;
};

/// Threads  all on the connection's io thread, one at a time: open, then messages, then closed.
///          While the send queue is more than half full no further message is read, so a handler
///          that answers what it gets is slowed to its peer's pace.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void on_open(std::shared_ptr<WebSocket> socket) = 0;
  virtual void on_message(WebSocket& socket, MessageKind kind, std::string_view payload) = 0;
  /// 1006 when the connection broke without a closing handshake.
  virtual void on_closed(WebSocket& socket, std::uint16_t code) = 0;
};

}  // namespace perdure::http
