// SPDX-License-Identifier: Apache-2.0
// Server-Sent Events (HTML Living Standard, section 9.2) as chunks of a streamed answer.
//
//   auto writer = responder.stream(event_stream_head(), event_stream_options());
//   const auto text = encode({.id = "7", .event = "counter.added", .data = json});
//   if (text) writer.write(*text);      // shared: the same text may go to any number of clients
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/api/http/body_writer.hpp"

namespace perdure::http {

/// One event, or (without data) only a new id or retry time. Borrows until it is encoded.
struct ServerEvent {
  /// What the client sends back as Last-Event-ID when it comes again; empty forgets it.
  std::optional<std::string_view> id = {};
  std::string_view event = {};  ///< the type; empty is `message`
  std::optional<std::string_view> data = {};
  /// How long the client waits before it comes again.
  std::optional<std::chrono::milliseconds> retry = {};
};

/// The event as it goes over the wire. Each line of the data (CR, LF or CRLF ends one) becomes a
/// `data` line, so nothing in it can forge a field; the client gets its lines with LF.
/// Errors  invalid  `id` or `event` holds CR or LF, `id` holds NUL, `retry` is negative; the
///                  fields of the error name which.
[[nodiscard]] Result<std::shared_ptr<const std::string>> encode(const ServerEvent& event);

/// Often enough for proxies and browsers, which give up silent connections after 30 s or more.
inline constexpr std::chrono::seconds heartbeat_period{15};

/// 200 with `Content-Type: text/event-stream`, `Cache-Control: no-store` and what keeps proxies
/// from collecting the stream (`X-Accel-Buffering: no`).
[[nodiscard]] Response event_stream_head();

/// A comment as heartbeat; the callbacks are the caller's.
[[nodiscard]] StreamOptions event_stream_options();

}  // namespace perdure::http
