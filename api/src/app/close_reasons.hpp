// SPDX-License-Identifier: Apache-2.0
// Why this server closes WebSockets, beside what RFC 6455 itself has codes for. docs/live.md lists
// them for the authors of clients.
#pragma once

#include <cstdint>
#include <string>

#include "app/live_grant.hpp"
#include "perdure/api/http/websocket.hpp"

namespace perdure::api {

struct CloseReason {
  std::uint16_t code;
  const char* text;
};

namespace close_reason {
inline constexpr CloseReason complete{http::close_code::normal, "nothing more will come"};
inline constexpr CloseReason ended{4401, "the key is not valid any more"};
inline constexpr CloseReason expired{4401, "the key has expired"};
inline constexpr CloseReason refused{4403, "the key does not allow this any more"};
inline constexpr CloseReason withdrawn{4403, "it is not shared with you any more"};
inline constexpr CloseReason deleted{4404, "it was deleted"};
inline constexpr CloseReason rewritten{4409, "the conversation was changed: read it again"};
inline constexpr CloseReason not_now{http::close_code::try_again_later, "try again later"};
inline constexpr CloseReason not_text{http::close_code::unsupported, "only text is spoken here"};
inline constexpr CloseReason errors{http::close_code::policy, "too many errors"};
}  // namespace close_reason

/// Why one is closed whose grant does not hold. Shape: the verdict is neither `holds` nor `unsure`.
[[nodiscard]] inline const CloseReason& reason_of(LiveGrant::Verdict verdict) {
  switch (verdict) {
    case LiveGrant::Verdict::ended: return close_reason::ended;
    case LiveGrant::Verdict::expired: return close_reason::expired;
    default: return close_reason::refused;
  }
}

inline void close(http::WebSocket& socket, const CloseReason& reason) {
  socket.close(reason.code, reason.text);
}

}  // namespace perdure::api
