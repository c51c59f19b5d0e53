// SPDX-License-Identifier: Apache-2.0
// Sockets of a shared conversation, over a real socket: they end when it is not shared any more.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "fixture.hpp"
#include "perdure/api/http/server.hpp"

namespace perdure::api {
namespace {

using namespace std::chrono_literals;

/// A client that reads frames and says nothing. A read waits for ten seconds at most.
class Listener {
 public:
  Listener(std::uint16_t port, const std::string& path, const std::string& key)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const auto request = "GET /api/v1" + path +
                         " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                         "\r\nAuthorization: Bearer " + key +
                         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    EXPECT_EQ(::send(socket_, request.data(), request.size(), 0),
              static_cast<ssize_t>(request.size()));
    while (!head_.ends_with("\r\n\r\n")) {
      const auto byte = take(1);
      if (byte.empty()) break;
      head_ += byte;
    }
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] int status() const { return std::stoi(head_.substr(9, 3)); }

  /// The next text; when the server closes first, its code as text; empty when nothing comes.
  std::string next() {
    for (;;) {
      const auto head = take(2);
      if (head.size() < 2) return {};
      std::size_t size = static_cast<unsigned char>(head[1]) & 0x7FU;
      if (size >= 126) {
        std::size_t length = 0;
        for (const char byte : take(size == 126 ? 2 : 8)) {
          length = length << 8 | static_cast<unsigned char>(byte);
        }
        size = length;
      }
      const auto payload = take(size);
      const auto opcode = static_cast<unsigned char>(head[0]) & 0x0FU;
      if (opcode == 1) return payload;
      if (opcode == 8 && payload.size() >= 2) {
        return std::to_string(static_cast<unsigned char>(payload[0]) << 8 |
                              static_cast<unsigned char>(payload[1]));
      }
    }
  }

  /// Reads until a text of a message; its content, or what `next` says of the end.
  std::string hears() {
    for (;;) {
      const auto text = next();
      if (!text.starts_with('{')) return text;
      const auto frame = Json::parse(text);
      if (frame.value("type", "") == "message") return frame.at("content");
    }
  }

 private:
  std::string take(std::size_t count) {
    std::string bytes(count, '\0');
    const auto got = count == 0 ? 0 : ::recv(socket_, bytes.data(), count, MSG_WAITALL);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

  const int socket_;
  std::string head_;
};

class LiveGrants : public MembersTest {
 protected:
  LiveGrants() {
    server_ =
        http::Server::start({},
                            {.clock = clock,
                             .random = random,
                             .render_problem =
                                 [](const auto&) {
                                   return http::Response{.status = 400, .headers = {}, .body = {}};
                                 }},
                            *application)
            .value();
    ann_ = make_user("ann@example.org");
    bob_ = make_user("bob@example.org");
    bob_id_ = id;
    conversation_ = {
        "conversation",
        as(ann_, http::Method::post, "/conversations", "{}").json()["id"].get<std::string>()};
  }
  ~LiveGrants() override { server_->drain(1s); }

  void grant(std::string_view command, const Json& role) {
    Json payload{{"grantee", {{"user_id", bob_id_}}}};
    if (!role.is_null()) payload["role"] = role;
    const auto done = runtime
                          ->call({.target = conversation_,
                                  .name = std::string{command},
                                  .payload = std::move(payload)})
                          .get();
    EXPECT_TRUE(done) << to_string(done.error());
  }
  void say(const std::string& content) {
    const auto said =
        as(ann_, http::Method::post, "/conversations/" + conversation_.id + "/messages",
           dump_json({{"role", "user"}, {"content", content}}));
    EXPECT_EQ(said.status, 201) << said.text;
  }
  std::unique_ptr<Listener> chat(const std::string& key) {
    return std::make_unique<Listener>(server_->port(), "/chat/" + conversation_.id, key);
  }

  std::unique_ptr<http::Server> server_;
  std::string ann_;
  std::string bob_;
  std::string bob_id_;
  ObjectId conversation_;
};

TEST_F(LiveGrants, end_with_4403_when_the_conversation_is_not_shared_any_more) {
  EXPECT_EQ(chat(bob_)->status(), 404);
  grant(builtin::share, "viewer");
  const auto owner = chat(ann_);
  const auto guest = chat(bob_);
  ASSERT_EQ(guest->status(), 101);
  ASSERT_NE(guest->next(), "") << "it is in";
  ASSERT_NE(owner->next(), "");
  say("while it is shared");
  EXPECT_EQ(guest->hears(), "while it is shared");
  const auto began = std::chrono::steady_clock::now();
  grant(builtin::unshare, nullptr);
  say("afterwards");
  EXPECT_EQ(guest->hears(), "4403") << "and nothing that was said after it";
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_EQ(owner->hears(), "while it is shared");
  EXPECT_EQ(owner->hears(), "afterwards") << "the owner stays";
  EXPECT_EQ(chat(bob_)->status(), 404);
}

TEST_F(LiveGrants, stay_when_a_share_becomes_another_one) {
  grant(builtin::share, "editor");
  const auto guest = chat(bob_);
  ASSERT_NE(guest->next(), "");
  grant(builtin::share, "viewer");
  say("still heard");
  EXPECT_EQ(guest->hears(), "still heard");
}

TEST_F(LiveGrants, of_all_events_lose_those_of_the_conversation_and_go_on) {
  grant(builtin::share, "viewer");
  Listener events{server_->port(), "/events?topics=message.created", bob_};
  ASSERT_NE(events.next(), "") << "where it begins";
  say("one");
  EXPECT_EQ(Json::parse(events.next()).at("type"), "message.created");
  grant(builtin::unshare, nullptr);
  say("two");
  const auto own = as(bob_, http::Method::post, "/conversations", "{}").json()["id"];
  const auto said =
      as(bob_, http::Method::post, "/conversations/" + own.get<std::string>() + "/messages",
         R"({"role":"user","content":"x"})");
  EXPECT_EQ(Json::parse(events.next()).at("data").at("id"), said.json()["id"]);
}

}  // namespace
}  // namespace perdure::api
