// SPDX-License-Identifier: Apache-2.0
// conversation: a resource (resource.hpp) with messages, which are only ever appended.
//
// Fields: those of the schema Conversation. Object indexes: `updated_at`, `title`.
//
//   append         the fields of the schema MessageCreate → the message, as the schema Message.
//                  Its `seq` is dense from 1. A `client_id` that the same sender used before in
//                  this conversation gives the message of that time; nothing is appended.
//                  Publishes the event `conversation.message`: {conversation_id, id, seq}.
//   list_messages  (query) {limit?, cursor?, sort: seq (default) or -seq, after: seq?}
//                  → {items, next_cursor}; `after` leaves out the messages up to that seq.
//   get_message    (query) {id} → the message. Errors: not_found.
//   last_seq       (query) → the seq of the newest message, 0 without any. Reads the root only.
//
// Activation reads the root only, which holds one number; a page of messages is one range.
#pragma once

#include <cstddef>
#include <string_view>

namespace perdure::actors::conversation {

inline constexpr std::string_view message_topic = "conversation.message";

}  // namespace perdure::actors::conversation
