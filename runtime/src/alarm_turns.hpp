// SPDX-License-Identifier: Apache-2.0
// What becomes of an alarm that is due, and of alarms that operators set and remove.
#pragma once

#include "turn_runner.hpp"

namespace perdure::runtime {

/// The turn of an alarm that is due: the alarm's command and its next state in one commit. When the
/// command is refused, only the alarm changes: it waits for its next attempt, or gives up, leaving
/// a dead letter, and goes on to its next tick.
///
/// Errors  not_found  it is not the alarm that the envelope means any more; nothing is to be done.
[[nodiscard]] Result<Decision> run_alarm(const Envelope& envelope, const Version& newest,
                                         const TurnSurroundings& around);

/// Has the alarms that came due while the object was deleted come due again, in the turn that
/// brings it back. Errors: those of the store; corrupt.
[[nodiscard]] Result<void> resume_alarms(const ObjectId& object, const TurnSurroundings& around,
                                         TurnContext& turn);

/// set and cancel by an operator: no record, no new seq. Errors: invalid; not_found; too_large;
/// conflict (as many as there may be).
[[nodiscard]] Result<Decision> run_alarm_change(const Envelope& envelope, const Version& newest,
                                                const TurnSurroundings& around);

}  // namespace perdure::runtime
