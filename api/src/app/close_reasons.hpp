// SPDX-License-Identifier: Apache-2.0
// Why this server closes WebSockets, beside what RFC 6455 itself has codes for. docs/live.md lists
// them for the authors of clients.
#pragma once

#include <cstdint>
#include <string>

#include "perdure/api/http/websocket.hpp"

namespace perdure::api {

struct CloseReason {
  std::uint16_t code;
  const char* text;
};

namespace close_reason {
inline constexpr CloseReason complete{http::close_code::normal, "nothing more will come"};
inline constexpr CloseReason refused{http::close_code::policy, "the key does not allow this"};
inline constexpr CloseReason expired{4401, "the key has expired"};
inline constexpr CloseReason withdrawn{4403, "the conversation is not shared with you any more"};
inline constexpr CloseReason deleted{4404, "the conversation was deleted"};
inline constexpr CloseReason rewritten{4409, "the conversation was changed: read it again"};
inline constexpr CloseReason not_now{http::close_code::try_again_later, "try again later"};
inline constexpr CloseReason not_text{http::close_code::unsupported, "only text is spoken here"};
inline constexpr CloseReason errors{http::close_code::policy, "too many errors"};
}  // namespace close_reason

inline void close(http::WebSocket& socket, const CloseReason& reason) {
  socket.close(reason.code, reason.text);
}

}  // namespace perdure::api
