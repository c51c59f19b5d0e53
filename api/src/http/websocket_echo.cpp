// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_session.hpp"

namespace perdure::http {

namespace {

class EchoHandler final : public WebSocketHandler {
 public:
  void on_open(std::shared_ptr<WebSocket>) override {}
  void on_message(WebSocket& socket, MessageKind kind, std::string_view payload) override {
    if (!socket.send(kind, std::string{payload}))
      socket.close(close_code::try_again_later, "read faster");
  }
  void on_closed(WebSocket&, std::uint16_t) override {}
};

}  // namespace

std::shared_ptr<WebSocketHandler> make_echo_handler() { return std::make_shared<EchoHandler>(); }

WebSocketOptions echo_options() {
  constexpr std::size_t mebibyte = std::size_t{1} << 20;
  return {.message_bytes_max = 16 * mebibyte,
          .send_queue_bytes_max = 32 * mebibyte,
          .compression = Compression::on};
}

}  // namespace perdure::http
