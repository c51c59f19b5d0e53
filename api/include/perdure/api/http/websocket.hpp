// SPDX-License-Identifier: Apache-2.0
// WebSocket connections (RFC 6455, permessage-deflate). A handler accepts the upgrade through its
// Responder and then hears of messages on the connection's io thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "perdure/api/http/body_writer.hpp"
#include "perdure/api/http/message.hpp"
#include "perdure/base/result.hpp"

namespace perdure::http {

enum class MessageKind { text, binary };

/// permessage-deflate where the client offers it. A connection that uses it holds 100 to 170 KiB,
/// one that does not about 4.
enum class Compression { off, on };

/// What a message that does not fit into the send queue does: nothing but an error for its sender,
/// or it closes the connection with 1013 ahead of what is queued, so that the peer can come again
/// and ask for what it has missed.
enum class Overflow { refuse, close };

/// Close codes of RFC 6455, section 7.4.1, for handlers; 3000 to 4999 are the application's own.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported = 1003;
inline constexpr std::uint16_t broken = 1006;  ///< never sent
inline constexpr std::uint16_t bad_payload = 1007;
inline constexpr std::uint16_t policy = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal = 1011;
inline constexpr std::uint16_t try_again_later = 1013;
}  // namespace close_code

struct WebSocketOptions {
  /// A longer message closes the connection with 1009.
  std::size_t message_bytes_max = std::size_t{1} << 20;
  /// What may wait to be sent, 64 bytes more for each message. A single one always fits into an
  /// empty queue.
  std::size_t send_queue_bytes_max = std::size_t{1} << 20;
  Overflow overflow = Overflow::refuse;
  /// A peer silent for half of this is pinged, one silent for all of it is dropped.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds{60};
  Compression compression = Compression::off;
};

/// One open connection.
/// Threads  any.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// Queues one message; messages leave in order of the calls. A shared payload is not copied:
  /// one encoded text goes to any number of sockets. A peer that falls behind the least rate by
  /// more than the write timeout is cut off.
  /// Returns `full` once more than half of the queue's bound waits: a sender that pauses until
  ///         `WebSocketHandler::on_writable` never loses a message.
  /// Errors  overloaded   the queue is full: the peer reads too slowly.
  ///         unavailable  the connection is closed or closing.
  Result<Room> send(MessageKind kind, Body payload) { return send(kind, std::span{&payload, 1}); }
  /// Several messages, all or none of them; they leave in as few system calls as they fit into.
  virtual Result<Room> send(MessageKind kind, std::span<const Body> payloads) = 0;
  /// Starts the closing handshake after what is queued. Later calls do nothing. A reason of more
  /// than 123 bytes is cut.
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
  /// There is room again after `Room::full` or `overloaded`: a quarter of the bound is left.
  virtual void on_writable() {}
  /// 1006 when the connection broke without a closing handshake.
  virtual void on_closed(WebSocket& socket, std::uint16_t code) = 0;
};

}  // namespace perdure::http
