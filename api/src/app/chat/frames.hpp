// SPDX-License-Identifier: Apache-2.0
// The frames of WS /chat/{conversation_id} as JSON texts; docs/live.md describes them for clients.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "perdure/base/result.hpp"
#include "perdure/runtime/entries.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::api::chat {

using Frame = std::shared_ptr<const std::string>;  // shared by all sockets that it goes to

// ------------------------------------------------------------------------------ from the client

enum class FrameType { message, typing, presence, ping };

struct ClientFrame {
  FrameType type = FrameType::ping;
  Json body;              ///< without `type`; held against the schema of its type
  std::string client_id;  ///< empty: none
};

/// What a client has sent. `client_id` is read first: also a refusal can be told apart by it.
/// Errors  malformed (not JSON), invalid (no type or an unknown one, or a broken rule).
[[nodiscard]] Result<ClientFrame> read_frame(std::string_view text, std::string& client_id);

// -------------------------------------------------------------------------------- to the client

/// Somebody who is there.
struct Presence {
  std::uint64_t connection = 0;
  std::string user_id;
  std::string status;
};

/// Shape  the entry is one of actors::conversation::messages_after.
[[nodiscard]] Frame message_frame(const Entry& entry);
[[nodiscard]] Frame ack_frame(const std::string& client_id, const Json& message);
/// The same code, sentence and details that a REST client would get.
[[nodiscard]] Frame error_frame(Error error, const std::string& client_id);
[[nodiscard]] Frame typing_frame(const Presence& who, const Json& body);
[[nodiscard]] Frame pong_frame();

/// The first frame of a connection: who is there, itself included, and the seq after which its
/// messages begin.
[[nodiscard]] Frame welcome_frame(const Presence& self, std::span<const Presence> members,
                                  std::size_t online, std::uint64_t after);
struct PresenceChange {
  std::span<const Presence> joined;
  std::span<const Presence> left;
  std::span<const Presence> updated;
  std::size_t online = 0;
};
[[nodiscard]] Frame presence_frame(const PresenceChange& change);

}  // namespace perdure::api::chat
