// SPDX-License-Identifier: Apache-2.0
// conversation: a resource (resource.hpp) with messages, which are only ever appended.
//
// Fields: those of the schema Conversation. Object indexes: `updated_at`, `title`.
//
//   append         the fields of the schema MessageCreate → the message, as the schema Message.
//                  Its `seq` is dense from 1. A `client_id` that the same sender (or device of the
//                  sender, when it names one by `device_id`) used before in this conversation gives
//                  the message of that time; nothing is appended. Errors: client_id_reused, when
//                  it is another message now.
//                  Publishes the event `conversation.message`: {conversation_id, id, seq}.
//   list_messages  (query) {limit?, cursor?, sort: seq (default) or -seq, after: seq?}
//                  → {items, next_cursor}; `after` leaves out the messages up to that seq.
//   get_message    (query) {id} → the message. Errors: not_found.
//   last_seq       (query) → the seq of the newest message, 0 without any. Reads the root only.
//
// Activation reads the root only, which holds one number; a page of messages is one range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "perdure/runtime/entries.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::actors::conversation {

inline constexpr std::string_view message_topic = "message.created";

// ---- for readers that wake no object (Runtime::inspect, entries, read_events)

/// The messages after a seq, in order. An entry's value is a message as JSON, without the members
/// that are the conversation's (conversation_id, user_id, organization_id) or follow from others
/// (updated_at, updated_by).
[[nodiscard]] EntryRange messages_after(std::uint64_t seq, std::size_t limit);
/// The seq of the newest message in a conversation's state; 0 without any.
[[nodiscard]] std::uint64_t last_seq(const Json& state);
/// The seq that an event `conversation.message` tells of; 0 when the text is none.
[[nodiscard]] std::uint64_t seq_of_event(std::string_view body);

}  // namespace perdure::actors::conversation
