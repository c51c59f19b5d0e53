// SPDX-License-Identifier: Apache-2.0
// Dead letters: what was given up after its last attempt. Each one is an object of the kind
// `dead_letter`, so it is durable, listed and journaled like any other; driving it again is a turn
// that sends what it holds.
#pragma once

#include "outbox_item.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::runtime {

inline constexpr std::string_view dead_letter_kind_name = "dead_letter";

/// The kind: commands `record` (creates, and publishes `dead_letter_topic`), `retry` (sends it
/// again, and removes the letter) and `discard`; indexed by `$created_at`.
[[nodiscard]] Kind dead_letter_kind();

/// What a letter says of why it is there, for logs.
[[nodiscard]] Error cause_of_letter(const Json& letter);

// A letter's member `life` is the born seq of the life that the object had which driving it again
// calls: a later one has not asked for it, so it does nothing there.

/// The message that records a dead alarm of an object as letter `id`.
[[nodiscard]] Sent dead_letter_of(const Origin& origin, const Alarm& alarm, const Error& error,
                                  std::string id);

/// The payload of `record` for a dead message, or a dead effect whose result nobody awaits. A
/// message that is for any life gets the one that its receiver has from whoever records it.
[[nodiscard]] Json dead_letter_of(const Sent& sent, int attempts, const Error& error);

}  // namespace perdure::runtime
