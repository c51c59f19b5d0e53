// SPDX-License-Identifier: Apache-2.0
#include "app/chat/member.hpp"

#include "app/chat/live_conversations.hpp"
#include "app/checks.hpp"
#include "app/close_reasons.hpp"
#include "app/services.hpp"

namespace perdure::api::chat {

namespace {

constexpr unsigned in_flight_max = 256;

}  // namespace

Member::Member(LiveConversations& all, Application::Services& services, Entrance entrance,
               LiveGrant granted)
    : conversation(std::move(entrance.conversation)),
      after(entrance.after),
      device_id(std::move(entrance.device_id)),
      grant(std::move(granted)),
      all_(all),
      services_(services),
      sender_(grant) {}

void Member::on_open(std::shared_ptr<http::WebSocket> opened) {
  socket = std::move(opened);
  all_.join(shared_from_this());
}

void Member::on_writable() {
  paused = false;
  all_.wake();
}

void Member::on_closed(http::WebSocket&, std::uint16_t) { all_.leave(shared_from_this()); }

void Member::say(Frame frame) const {
  // A full queue closes the socket; a closed one needs nothing more.
  static_cast<void>(socket->send(http::MessageKind::text, std::move(frame)));
}

void Member::refuse(Error error, const std::string& client_id) {
  say(error_frame(std::move(error), client_id));
  if (!errors_.take(services_.monotonic())) close(*socket, close_reason::errors);
}

void Member::on_message(http::WebSocket&, http::MessageKind kind, std::string_view text) {
  if (kind != http::MessageKind::text) return close(*socket, close_reason::not_text);
  std::string client_id;
  auto frame = read_frame(text, client_id);
  if (!frame) return refuse(std::move(frame).error(), client_id);
  take(std::move(*frame));
}

void Member::take(ClientFrame&& frame) {
  switch (frame.type) {
    case FrameType::message: return append(std::move(frame));
    case FrameType::ping: return say(pong_frame());
    case FrameType::typing:
    case FrameType::presence:
      if (signals_.take(services_.monotonic())) {
        all_.signal(shared_from_this(), frame.type, std::move(frame.body));
      }
  }
}

Result<void> Member::may_append() {
  using Verdict = LiveGrant::Verdict;
  // An unsure one goes on: the thread that watches all members closes it as soon as it is known.
  const auto verdict = sender_.look(services_, [&all = all_] { all.wake(); });
  if (verdict != Verdict::holds && verdict != Verdict::unsure) {
    return fail(ErrorCode::forbidden, "the key is not valid any more");
  }
  PERDURE_TRY_VOID(check_scope(sender_.route(), sender_.standing(), Access::write));
  if (const auto bucket = sender_.key().bucket()) {
    if (const auto state = bucket->take(services_.clock); !state.taken) {
      return fail(Error{.code = ErrorCode::rate_limited,
                        .detail = "the key's rate limit is reached",
                        .fields = {},
                        .retry_after = state.retry});
    }
  }
  if (in_flight_ >= in_flight_max) {
    return fail(ErrorCode::overloaded, "too many messages wait for their acks");
  }
  return {};
}

void Member::append(ClientFrame&& frame) {
  if (auto allowed = may_append(); !allowed) {
    return refuse(std::move(allowed).error(), frame.client_id);
  }
  ++in_flight_;
  if (!device_id.empty() && !frame.body.contains("device_id")) frame.body["device_id"] = device_id;
  Call call{.target = conversation,
            .name = "append",
            .payload = std::move(frame.body),
            .principal = sender_.principal(),
            .deadline = services_.clock.now() + services_.options.call_deadline};
  services_.runtime.call(
      std::move(call),
      [self = shared_from_this(), client_id = std::move(frame.client_id)](Result<Reply> reply) {
        --self->in_flight_;
        // The reply is given when the message is durable, and not before.
        self->say(reply ? ack_frame(client_id, reply->value)
                        : error_frame(std::move(reply).error(), client_id));
      });
}

}  // namespace perdure::api::chat
