// SPDX-License-Identifier: Apache-2.0
// Member: one socket of WS /chat/{conversation_id}.
//
// What the client says is checked and called here, on the socket's io thread; what it hears of the
// others comes from the thread of LiveConversations. Neither waits for the other.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "app/chat/frames.hpp"
#include "app/chat/pace.hpp"
#include "app/live_grant.hpp"
#include "perdure/api/http/websocket.hpp"
#include "perdure/base/object_id.hpp"

namespace perdure::api::chat {

class LiveConversations;

/// How somebody comes in.
struct Entrance {
  ObjectId conversation;
  std::optional<std::uint64_t> after = {};  ///< the last message that it knows; none: from now on
  std::string device_id = {};               ///< of messages that name none; empty: none
};

/// Lifecycle  made with the upgrade; from on_open to on_closed it belongs to LiveConversations.
/// Limits     256 messages that are not acknowledged yet; 20 errors, and one more each second;
///            10 typing and presence frames, and 5 more each second: those past it are dropped.
class Member final : public http::WebSocketHandler, public std::enable_shared_from_this<Member> {
 public:
  Member(LiveConversations& all, Application::Services& services, Entrance entrance,
         LiveGrant grant);

  void on_open(std::shared_ptr<http::WebSocket> socket) override;
  void on_message(http::WebSocket& socket, http::MessageKind kind, std::string_view text) override;
  void on_writable() override;
  void on_closed(http::WebSocket& socket, std::uint16_t code) override;

  const ObjectId conversation;
  const std::optional<std::uint64_t> after;
  const std::string device_id;

  /// Set by on_open, before anybody else has this.
  std::shared_ptr<http::WebSocket> socket;
  std::atomic<bool> paused{false};  ///< no room in its queue: cleared by on_writable

  // Of the thread of LiveConversations alone.
  LiveGrant grant;
  Presence presence;
  std::uint64_t next = 0;  ///< the seq of the message that it is to hear next
  std::size_t place = 0;   ///< among the members
  Milliseconds unsure_since{0};
  bool gone = false;

 private:
  void take(ClientFrame&& frame);
  void append(ClientFrame&& frame);
  [[nodiscard]] Result<void> may_append();
  void refuse(Error error, const std::string& client_id);
  void say(Frame frame) const;

  LiveConversations& all_;
  Application::Services& services_;

  // Of the io thread alone.
  LiveGrant sender_;
  Pace errors_{20, std::chrono::seconds{1}};
  Pace signals_{10, std::chrono::milliseconds{200}};
  std::atomic<unsigned> in_flight_{0};  ///< also counted down by replies
};

using MemberPtr = std::shared_ptr<Member>;

}  // namespace perdure::api::chat
