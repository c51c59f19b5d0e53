// SPDX-License-Identifier: Apache-2.0
// AttemptEnd: what follows when an attempt at an outbox item has ended. Decided here, carried out
// by the pump.
#pragma once

#include "outbox_item.hpp"
#include "perdure/runtime/call.hpp"

namespace perdure::runtime {

enum class AttemptEnd {
  removal,       ///< the turn that took the item is durable
  same_again,    ///< later, and uncounted: the receiver was busy, so nothing was attempted
  next_attempt,  ///< after the wait that its policy says
  handing_over,  ///< what it came to goes to the object that asked
  burial,        ///< it becomes a dead letter
  burial_again,  ///< its dead letter was refused
};

/// What the pump knows of an item.
struct Tried {
  bool is_effect = false;
  bool is_asked = false;    ///< its sender wants to hear what it came to
  bool has_result = false;  ///< of an effect: the attempts are those at handing it over
  bool is_buried = false;   ///< its dead letter is on the way
  int attempt = 1;
  int attempts_max = 1;
};

/// After the call that a message, a result or a dead letter becomes. `was_taken`: the item is not
/// in the store any more, whatever the reply says.
[[nodiscard]] AttemptEnd after_call(const Tried& tried, const Result<Reply>& reply, bool was_taken);
/// After a performer has finished.
[[nodiscard]] AttemptEnd after_effect(const Tried& tried, const Result<Json>& result);
/// After an attempt that counts.
[[nodiscard]] AttemptEnd after_failure(const Tried& tried);

}  // namespace perdure::runtime
