// SPDX-License-Identifier: Apache-2.0
// The head of a WebSocket frame, for messages that are sent behind another one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "perdure/api/http/websocket.hpp"

namespace perdure::http {

/// The head of a whole message in one frame from a server: final, not masked (RFC 6455, 5.2).
class FrameHead {
 public:
  FrameHead() = default;
  FrameHead(MessageKind kind, std::size_t payload_bytes) {
    put(kind == MessageKind::text ? 0x81 : 0x82);
    if (payload_bytes < 126) {
      put(payload_bytes);
      return;
    }
    const unsigned size_bytes = payload_bytes < 65'536 ? 2 : 8;
    put(size_bytes == 2 ? 126 : 127);
    for (auto i = size_bytes; i > 0; --i) put(payload_bytes >> (8 * (i - 1)));
  }

  /// Borrows from this.
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  void put(std::size_t byte) { bytes_.at(size_++) = static_cast<char>(byte & 0xFF); }

  std::array<char, 10> bytes_{};
  std::uint8_t size_ = 0;
};

}  // namespace perdure::http
