// SPDX-License-Identifier: Apache-2.0
// Envelope: a call on its way through the runtime.
#pragma once

#include <memory>
#include <optional>

#include "in_flight.hpp"
#include "perdure/base/fair_queue.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/kind_definition.hpp"
#include "stream_rows.hpp"

namespace perdure::runtime {

/// What the call turned out to name.
enum class Operation {
  command,  ///< of the kind
  query,    ///< of the kind
  get,
  create,
  replace,
  patch,
  remove,
  undelete,
  purge,
  restore,
  pin,
  unpin,
  import,
  share,
  unshare,
  set_alarm,
  cancel_alarm,
  flows,  ///< the query that names them
  give_up_flow,
  take,         ///< only ends an outbox item
  stream,       ///< writes a stream of the object
  flush,        ///< stores what is ahead of the disk; the activation's own
  take_along,   ///< finds who goes along with the object, which was deleted or brought back
  hold,         ///< for a transaction: nothing runs until the activation is released
  fire,         ///< an alarm is due
  transaction,  ///< a whole one: its objects are held for it
};

/// The outbox item that a call carries out: the turn's commit takes it, and may answer it.
struct Receipt {
  std::uint64_t position = 0;  ///< 0: a flow has taken it already
  /// Of the store that the item waits in: another one may hold the turn that took it.
  std::uint64_t epoch = 0;
  ObjectId asker = {};
  Seq asker_life = 0;     ///< in which it asked
  std::string then = {};  ///< the asker's command that gets the answer; empty: nobody asks
  Json context = nullptr;
};

/// The alarm that a call fires.
struct Tick {
  std::string name;
  Timestamp due;
  enum class Why {
    due,
    clock_was_set,  ///< its due time belongs elsewhere (AlarmCheck)
  } why = Why::due;
};

struct Ahead;

/// Where an idempotency key is counted, see OnceBound.
struct OnceRoom {
  std::uint32_t period = 0;                ///< 0: nowhere, it is the host's own
  std::optional<std::uint64_t> most = {};  ///< of the period; none: no bound
};

struct Envelope;
/// Shared because a turn that is refused at commit goes back to its activation.
using EnvelopePtr = std::shared_ptr<Envelope>;
struct FlowState;
struct FlowAsk;

struct Envelope {
  Call call;
  ReplyHandler done;  ///< called by `answer`
  const KindDefinition* kind = nullptr;
  Operation operation = Operation::command;
  Via via = Via::caller;
  const CommandDefinition* command = nullptr;  ///< for Operation::command
  const QueryDefinition* query = nullptr;      ///< for Operation::query
  /// Fixed here so that every run of the turn sees the same.
  Timestamp accepted_at;      ///< by the wall clock
  Timestamp accepted_steady;  ///< the same moment in steady time (Times)
  /// Of the call, in steady time.
  std::optional<Timestamp> deadline = {};
  std::uint64_t random_seed = 0;
  /// For Operation::hold, and for the whole transaction: its number, from 1.
  std::uint64_t transaction = 0;
  /// Where reads are slow: its idempotency key is looked up with the rows of its turn, as of then.
  std::optional<Timestamp> key_sought_at = {};
  OnceRoom once_room = {};  ///< set when a call with an idempotency key begins
  std::optional<Receipt> receipt = {};
  std::optional<Tick> tick = {};      ///< for Operation::fire
  StreamChangePtr stream = {};        ///< for Operation::stream
  std::shared_ptr<Ahead> ahead = {};  ///< for Operation::flush; shared with its handler
  /// Why the commit refused what the call came to. It runs again to say so: an alarm goes on, and
  /// who asked by a message has its answer.
  std::optional<Error> refused = {};
  /// Of a flow, from its first wait on (flow_state.hpp). Shared with asks on their way.
  std::shared_ptr<FlowState> flow = {};
  /// What waits for the answer; null: no flow does. Shared by the two ends of the ask.
  std::shared_ptr<FlowAsk> asked = {};
  /// For a note of an activation to itself: the flow that goes on with it.
  EnvelopePtr for_flow = {};
  /// Set by the directory: the cell that the envelope is counted on.
  InFlight in_flight = {};

  /// The one way out: counts the envelope down, and then calls its handler. Whoever gets the
  /// answer finds the object quiet if it is; the runtime stays until the handler has returned.
  /// Shape: once.
  void answer(Result<Reply> reply);
};

/// Whether the durable version is all that the answer takes.
[[nodiscard]] inline bool looks_at_root(const Envelope& envelope) {
  return envelope.operation == Operation::get ||
         (envelope.operation == Operation::query && envelope.query->reads == Reads::root);
}

/// By which a caller takes turns and has its share; none for the host itself.
[[nodiscard]] inline std::optional<OwnerKey> caller_key(const Principal& principal) {
  if (principal.user_id.empty()) return {};
  return perdure::owner_key(principal.user_id);
}

}  // namespace perdure::runtime
