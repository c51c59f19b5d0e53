// SPDX-License-Identifier: Apache-2.0
// Ahead: turns of one object that are not synced each (Durability), and share a record.
//
// They run on each other's states in memory. What they come to is one record: the state of the last
// of them, under its name, at the seq behind the base. Buffered ones are answered when it is
// written, those of memory at once.
//
// A turn that asks for more than a new state (entries, events, alarms, messages, streams) is
// synced as any other, and so is one that has an idempotency key or an expected seq, that carries
// out an item of the outbox, or that begins a life. It runs on what is ahead, whose record goes
// before its own.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "turn_runner.hpp"

namespace perdure::runtime {

struct Ahead {
  struct Waiting {
    EnvelopePtr envelope;
    Result<Reply> reply;
  };
  VersionPtr base;   ///< what they began with
  EnvelopePtr last;  ///< whose turn the newest state is of
  std::size_t turns = 0;
  bool is_written_soon = false;  ///< some of them are buffered
  std::vector<Waiting> waiting = {};
  InFlight kept = {};  ///< keeps the object in memory
};

/// Turns that share a record at most: they wait for it together.
inline constexpr std::size_t turns_ahead_max = 4'096;

/// What one of them came to.
struct AheadTurn {
  VersionPtr version;  ///< null: it changes nothing
  Json value;
};

/// Whether a call may be one of them, by what it asks beside its command.
[[nodiscard]] bool may_run_ahead(const Envelope& envelope, const Version& newest);

/// Runs a command on `newest`; its version has `seq`. None: it asks for more than a state.
/// Errors: those of run_turn.
[[nodiscard]] Result<std::optional<AheadTurn>> run_ahead(const Envelope& envelope,
                                                         const Version& newest, Seq seq,
                                                         const TurnSurroundings& around);

/// The record of all of them. Errors: those of run_turn.
[[nodiscard]] Result<Decision> decide_ahead(const Ahead& ahead, const Version& newest,
                                            const TurnSurroundings& around);

/// Puts the calls that wait in front of others, to run again.
void put_back(Ahead& ahead, std::deque<EnvelopePtr>& held);

}  // namespace perdure::runtime
