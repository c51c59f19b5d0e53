// SPDX-License-Identifier: Apache-2.0
// How a WebSocket ends: codes, reasons, and the frame that says both.
#pragma once

#include <array>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/zlib/error.hpp>
#include <cstdint>
#include <string>

#include "http/transport.hpp"
#include "perdure/api/http/websocket.hpp"

namespace perdure::http {

/// What a client sent under permessage-deflate cannot be inflated. Beast then goes on with nothing,
/// and says nothing to the client.
[[nodiscard]] inline bool is_inflate_error(const error_code& ec) {
  namespace zlib = boost::beast::zlib;
  return ec.category() == zlib::make_error_code(zlib::error::stream_error).category();
}

/// The code that the handler hears, for connections that this side failed.
[[nodiscard]] inline std::uint16_t code_of(const error_code& ec) {
  using E = boost::beast::websocket::error;
  if (ec == E::message_too_big || ec == E::buffer_overflow) return close_code::too_big;
  if (ec == E::bad_frame_payload || is_inflate_error(ec)) return close_code::bad_payload;
  if (ec.category() == boost::beast::websocket::make_error_code(E::closed).category()) {
    return close_code::protocol_error;
  }
  return close_code::broken;
}

/// What of a reason fits into a close frame, without half a character at its end.
[[nodiscard]] inline std::string cut_reason(std::string reason) {
  constexpr std::size_t reason_bytes_max = 123;
  if (reason.size() <= reason_bytes_max) return reason;
  auto end = reason_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0U) == 0x80U) --end;
  reason.resize(end);
  return reason;
}

/// A server's close frame without a reason (RFC 6455, 5.5.1).
[[nodiscard]] constexpr std::array<unsigned char, 4> close_frame(std::uint16_t code) {
  return {0x88, 0x02, static_cast<unsigned char>(code >> 8), static_cast<unsigned char>(code)};
}

}  // namespace perdure::http
