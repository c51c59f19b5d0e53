// SPDX-License-Identifier: Apache-2.0
// EventOutlet: where one subscriber's events go, and in which form: Server-Sent Events in a
// streamed answer, or text frames of a WebSocket.
//
//            as Server-Sent Events            as frames
//   event    id: <cursor>, event: <topic>,    the CloudEvent, with a member `cursor`
//            data: <the CloudEvent>
//   place    id: <cursor>                     {"type": "perdure.events.place", "cursor"}
//   lost     event: perdure.events.lost,      {"type": "perdure.events.lost", "after", "cursor"}
//            data: {"after", "next"}
//   closed   event: perdure.closed,           (the socket is closed with the code)
//            data: {"code"}
#pragma once

#include <memory>
#include <string>

#include "perdure/api/http/body_writer.hpp"
#include "perdure/api/http/websocket.hpp"
#include "perdure/runtime/events.hpp"

namespace perdure::api {

struct CloseReason;

enum class EventForm { sse, frames };

using EventText = std::shared_ptr<const std::string>;  // shared by all connections that it goes to

/// Errors  invalid  the event cannot stand in this form.
[[nodiscard]] Result<EventText> encode_event(EventForm form, const Event& event);
/// Where a client goes on that has seen nothing since.
[[nodiscard]] Result<EventText> encode_place(EventForm form, const std::string& cursor);
/// The same of the first event of a stream, which also says how long a client waits before it comes
/// again, in a form that can.
[[nodiscard]] Result<EventText> encode_first(EventForm form, const Event& event);
/// What lay between the two cursors is not kept any more.
[[nodiscard]] Result<EventText> encode_lost(EventForm form, const std::string& after,
                                            const std::string& next);

/// Why the server ends a connection in order.
enum class EventEnd {
  complete,  ///< all that it was opened for has been sent
  draining,
};

/// Threads  any.
class EventOutlet {
 public:
  virtual ~EventOutlet() = default;
  [[nodiscard]] virtual EventForm form() const = 0;
  /// As BodyWriter::write and WebSocket::send.
  virtual Result<http::Room> write(const EventText& text) = 0;
  virtual void end(EventEnd why) = 0;
  /// Ends it because the client may not have it any more. A stream says so by an event
  /// `perdure.closed` with `{code}`, the code that a WebSocket is closed with.
  virtual void end(const CloseReason& why) = 0;
  /// Something failed that may be well again when the client comes back.
  virtual void cut() = 0;
};

[[nodiscard]] std::unique_ptr<EventOutlet> outlet_to(http::BodyWriter writer);
[[nodiscard]] std::unique_ptr<EventOutlet> outlet_to(std::shared_ptr<http::WebSocket> socket);

}  // namespace perdure::api
