// SPDX-License-Identifier: Apache-2.0
// The commands that every kind has, as functions. The table of operations has them.
#pragma once

#include "turn_runner.hpp"

namespace perdure::runtime {

// On the draft of a turn that makes a record. Errors: as run_turn.
[[nodiscard]] Result<void> create(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> replace(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> patch(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> remove(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> undelete(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> restore(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> import_state(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> share(Draft& draft, TurnContext& turn);
[[nodiscard]] Result<void> unshare(Draft& draft, TurnContext& turn);
/// An object that is there as soon as it is named begins with its alarm, as it would with a
/// command.
[[nodiscard]] Result<void> begin_with_alarm(Draft& draft, TurnContext& turn);

/// Ends an outbox item, and does nothing else.
[[nodiscard]] Result<Decision> take(const Envelope& envelope, const Version& newest,
                                    const TurnSurroundings& around);

}  // namespace perdure::runtime
