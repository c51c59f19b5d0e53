// SPDX-License-Identifier: Apache-2.0
#include "sockets.hpp"

namespace perdure::http {

namespace {

class Member final : public WebSocketHandler {
 public:
  explicit Member(Sockets& all) : all_(all) {}
  void on_open(std::shared_ptr<WebSocket> socket) override { all_.joined(std::move(socket)); }
  void on_message(WebSocket&, MessageKind, std::string_view) override {}
  void on_closed(WebSocket& socket, std::uint16_t code) override { all_.left(socket, code); }

 private:
  Sockets& all_;
};

Response plain(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

}  // namespace

Sockets::~Sockets() {
  for (auto& publisher : publishers_) publisher.join();
}

bool Sockets::handle(Request& request, Responder& responder) {
  const auto path = request.path();
  if (!path.starts_with("/sockets")) return false;
  if (request.upgrade == Upgrade::websocket) {
    responder.accept_websocket(std::make_shared<Member>(*this), options_);
    return true;
  }
  const auto query = std::string{request.query()};
  if (path == "/sockets/publish") publish(std::move(request.body), std::stoull(query));
  if (path == "/sockets/close") {
    const std::lock_guard lock{mutex_};
    for (const auto& socket : open_) {
      socket->close(static_cast<std::uint16_t>(std::stoul(query)), "as asked");
    }
  }
  responder.send(plain(path == "/sockets/report" ? report() : "done"));
  return true;
}

void Sockets::joined(std::shared_ptr<WebSocket> socket) {
  const std::lock_guard lock{mutex_};
  open_.push_back(std::move(socket));
}

void Sockets::left(const WebSocket& socket, std::uint16_t code) {
  const std::lock_guard lock{mutex_};
  std::erase_if(open_, [&](const auto& other) { return other.get() == &socket; });
  ends_ += std::to_string(code) + '\n';
}

void Sockets::publish(std::string text, std::size_t times) {
  const std::lock_guard lock{mutex_};
  publishers_.emplace_back(
      [members = open_, text = std::make_shared<const std::string>(std::move(text)), times] {
        for (std::size_t i = 0; i < times; ++i) {
          for (const auto& member : members) {
            static_cast<void>(member->send(MessageKind::text, text));
          }
        }
      });
}

std::string Sockets::report() {
  const std::lock_guard lock{mutex_};
  return "open " + std::to_string(open_.size()) + '\n' + ends_;
}

}  // namespace perdure::http
