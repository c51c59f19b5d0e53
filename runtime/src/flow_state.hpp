// SPDX-License-Identifier: Apache-2.0
// FlowState: what is kept of a flow between its waits, in memory and as a row.
//
// The row is written in the commit of what first leaves the flow (the turn that answers an ask, a
// step's result, a sleep), so a flow from which nothing has left costs nothing. Each later commit
// puts it anew, with what is kept by then, and the flow's end erases it. It is an alarm of an
// object that no call reaches, `$flow/<kind>:<id>`: so a sleep is found when it is due, however the
// clock is set. A flow that does not sleep is due in `waiting_due`, which never comes; there the
// flows are that a crash cut off.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "envelope.hpp"
#include "perdure/runtime/alarm.hpp"
#include "perdure/runtime/flow.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

inline constexpr std::string_view flow_kind_name = "$flow";
/// The name of the flow that holds an object; others have names with a slash.
inline constexpr std::string_view holding_flow_name = "held";
/// The end of the year 9999: where flows stand that wait for others.
inline constexpr Timestamp waiting_due{Milliseconds{253'402'300'799'000}};

/// Something that a flow has waited for.
struct KeptResult {
  std::string name = {};
  Timestamp at = {};
  Result<Json> result = Json(nullptr);
};

/// The ask that a flow answers.
struct AskedBy {
  ObjectId object;
  std::string flow;      ///< of a step: none
  std::size_t wait = 0;  ///< its place among the asker's waits
  bool operator==(const AskedBy&) const = default;
};

/// Where a handler stopped.
struct FlowStop {
  FlowWait wait;
  std::optional<Result<Json>> step = {};  ///< what a step came to
  /// The handler does not fit what is kept: it waits for another thing than it did.
  std::optional<Error> changed = {};
};

/// Threads  whoever has the flow's next move: its activation, or whoever answers its ask.
struct FlowState {
  std::string name;
  Holds holds = Holds::yes;
  std::string owner;  ///< of its object, as text
  Seq life = 0;       ///< of its object; 0: it had none
  std::vector<KeptResult> kept = {};
  std::size_t kept_bytes = 0;
  std::optional<Timestamp> stored_due = {};  ///< of its row; none: it has none
  bool keeps_key = false;                    ///< its idempotency key is taken by the row
  std::optional<Alarm> sleep = {};           ///< as it is stored
  std::optional<AskedBy> asked_by = {};
  /// This wait may have been begun before a crash.
  std::optional<std::size_t> begun_wait = {};
  bool given_up = false;  ///< an operator wants it to end
  bool is_noted = false;  ///< its activation has a note on the way to the disk for it
  /// Whoever had it go on, and hears when its row has moved.
  EnvelopePtr messenger = nullptr;
  std::uint64_t waiter = 0;                  ///< in the graph of waits; 0: not yet
  std::unique_ptr<FlowStop> stop = nullptr;  ///< until what it saw is durable
};

/// An ask, or a step, on its way. Shared by the flow that asks, and by whoever answers.
struct FlowAsk {
  EnvelopePtr asker;
  std::string name;  ///< of the wait
  AskedBy by;
  bool may_be_begun = false;
  KeptResult kept = {};                 ///< what the answering unit has kept
  std::vector<FlowState*> stored = {};  ///< whose rows went with that unit
};

/// What an activation is told of a flow that runs on it.
struct FlowAnswer {
  enum class What {
    kept,     ///< what the flow waits for is there
    durable,  ///< what the handler saw is durable: it may wait now
    asleep,   ///< the row of its sleep is durable
    taken,    ///< so is its first one, which has taken the message that began it
  };
  EnvelopePtr flow;
  What what;
  Result<Json> result;
  std::shared_ptr<FlowAsk> ask = {};  ///< of what is kept
};

/// Where the rows of an object's flows stand.
[[nodiscard]] ObjectId flow_object(const ObjectId& object);
/// The name of the row of the flow that answers an ask and holds nothing.
[[nodiscard]] std::string asked_flow_name(const AskedBy& by);

/// What a result counts towards limits::flow_kept_bytes_max.
[[nodiscard]] std::size_t kept_bytes_of(const KeptResult& kept);
void keep(FlowState& flow, KeptResult kept);

/// Puts the row of `envelope`'s flow, with `next` behind what is kept. The first one takes the
/// idempotency key of the call.
[[nodiscard]] storage::WriteSet put_flow(const Envelope& envelope, const KeptResult* next);
/// The same, until its sleep is over.
[[nodiscard]] storage::WriteSet put_sleeping_flow(const Envelope& envelope);
enum class FlowEnd { well, failed };
/// Erases the row. One that ends well has kept its reply in the place of its key.
[[nodiscard]] storage::WriteSet erase_flow(const Envelope& envelope, FlowEnd end);
/// Adds the rows of those that wait for the flow, one for another, and have none yet.
void put_askers(storage::Unit& unit, const Envelope& envelope, std::vector<FlowState*>& stored);
/// Adds to the unit that answers an ask what it keeps for the flow that asked, and the rows of
/// those that wait for that one and have none yet.
void keep_answer(storage::Unit& unit, FlowAsk& ask, const Result<Json>& answer, Timestamp now);
/// Their rows are durable.
void note_stored(const std::vector<FlowState*>& stored);

/// The flow of a row as a call that goes on: without its kind, and without anybody who waits for
/// it. Errors: corrupt.
[[nodiscard]] Result<EnvelopePtr> decode_flow(const storage::AlarmRow& row);

[[nodiscard]] inline bool is_flow(const Envelope& envelope) {
  return envelope.command != nullptr && envelope.command->flow.has_value();
}

}  // namespace perdure::runtime
