// SPDX-License-Identifier: Apache-2.0
// What ends with a life. A life begins with the first record after a deletion, and ends with its
// purge or where the next one begins, whichever comes first. The commit that ends it takes along
// what could act in the next life or keep it from something: alarms with their runs, the names of
// snapshots, and claims. Records stay until retention or a purge removes them, and born seqs hide
// the state and the entries. Items of the outbox name the life that they are for themselves.
#pragma once

#include "turn_runner.hpp"

namespace perdure::runtime {

/// The changes that remove all alarms of an object, those included that turns on their way to the
/// disk have set. `ended` gets their names, for the object's later turns.
/// Errors  those of the store.
[[nodiscard]] Result<std::vector<storage::AlarmChange>> removed_alarms(
    const storage::StoreReader& store, const ObjectId& object, const PendingAlarms& pending,
    AlarmChanges& ended);

/// The claims that the kind's `on_purge` releases.
[[nodiscard]] std::vector<storage::ClaimKey> released_claims(const Envelope& envelope,
                                                             const Version& newest,
                                                             const TurnSurroundings& around);

/// Adds to a decision that begins a life the end of the one before. The alarms that the turn itself
/// has set stand in the decision already.
/// Errors  those of the store.
[[nodiscard]] Result<void> end_earlier_life(const Envelope& envelope, const Version& earlier,
                                            const TurnSurroundings& around, Decision& decision);

}  // namespace perdure::runtime
