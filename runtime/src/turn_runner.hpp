// SPDX-License-Identifier: Apache-2.0
// The pure core of a turn: an envelope and the newest version in, a decision out. Nothing is sent,
// stored or scheduled here; the activation does that with what it gets.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "envelope.hpp"
#include "flow_state.hpp"
#include "kind_rows.hpp"
#include "list_rows.hpp"
#include "members.hpp"
#include "overlay.hpp"
#include "stream_memory.hpp"
#include "tally.hpp"
#include "times.hpp"
#include "turn_context.hpp"
#include "version.hpp"

namespace perdure::runtime {

/// Another object as a turn saw it: the turn commits only while that is still its last record.
/// Otherwise it is refused as stale_precondition, and runs again.
struct Reliance {
  ObjectId object;
  Seq seq;  ///< 0: there was none
};
using Reliances = std::vector<Reliance>;

/// What a turn came to: the write set to commit, and what holds once it is durable.
struct Decision {
  storage::WriteSet write_set;  ///< its epoch is for the activation to set
  Reliances relies_on = {};
  VersionPtr version;      ///< after the turn; null when the turn makes no record
  PendingEntries entries;  ///< what it wrote
  AlarmChanges alarms = {};
  std::unique_ptr<StreamDecision> streams = {};  ///< null: it changes none
  Reply reply;
  /// Where the handler of a flow has stopped; there is nothing else then.
  std::unique_ptr<FlowStop> stop = {};

  /// Nothing to commit: the reply is all there is.
  [[nodiscard]] bool is_reply_only() const {
    return !write_set.record && write_set.alarms.empty() && write_set.claims.empty() &&
           write_set.releases.empty() && write_set.pins.empty() && write_set.sends.empty() &&
           write_set.takes.empty() && write_set.indexes.empty();
  }
};

/// Kinds whose objects go along with those of another kind, by the field that refers to it.
struct Dependent {
  std::string kind;
  std::string field;
};
using Dependents = std::map<std::string, std::vector<Dependent>, std::less<>>;

/// What holds for all turns of a host.
struct TurnRules {
  std::chrono::seconds idempotency_window;
  Milliseconds alarm_period_min;
  Quotas quotas;
  Dependents dependents;  ///< by the kind that they go along with
  ListLayouts lists = {};
  const RowNames* rows = nullptr;  ///< never null in a runtime
};

/// The other objects of a transaction.
class Peers {
 public:
  virtual ~Peers() = default;
  /// As the steps so far have left it; null: the transaction does not hold it.
  [[nodiscard]] virtual VersionPtr find(const ObjectId& object) const = 0;
  /// Who holds a claim after the steps so far, empty for nobody; none: they have left it as it was.
  [[nodiscard]] virtual std::optional<std::string> holder(const std::string& space,
                                                          const std::string& key) const = 0;
};

struct TurnSurroundings {
  const KindDefinition& kind;
  const storage::StoreReader& store;
  const PendingEntries& pending;    ///< of the object's earlier turns
  storage::Gaps* gaps = nullptr;    ///< of the object; null: not known
  const PendingAlarms& alarms;      ///< of the same
  Tally& tally;                     ///< of the same
  StreamMemory* streams = nullptr;  ///< of the same; null: the turn writes none
  Members* members = nullptr;       ///< of the same; null: the turn has none
  const Version* newest = nullptr;  ///< that they are made of
  const TurnRules& rules;
  const Times& times;
  const Peers* peers = nullptr;  ///< null: the turn is alone in its unit
};

/// Adds a decision to a unit. Shape: it is not reply-only.
void add_to_unit(storage::Unit& unit, Decision& decision, std::uint64_t epoch);

/// Runs a command, or one of the builtin ones, on `newest`.
///
/// Errors  those of Runtime::call that the object's own state and code can give. Nothing has
///         happened then.
[[nodiscard]] Result<Decision> run_turn(const Envelope& envelope, const Version& newest,
                                        const TurnSurroundings& around);

/// Whether a call whose commit was refused runs again with that as its outcome: an alarm, which
/// has failed then, and a message that someone wants an answer of.
[[nodiscard]] bool takes_refusal(const Envelope& envelope, const Error& refusal);

/// Whether a call may run on the state: one that cannot be read is there only to be mended
/// ($replace, $patch, $restore) or to end. Errors: unreadable_state.
[[nodiscard]] Result<void> check_readable(const Envelope& envelope, const Version& newest);

/// Answers a query from `version`.
[[nodiscard]] Result<Reply> run_query(const Envelope& envelope, const Version& version,
                                      const storage::StoreReader& store,
                                      const PendingEntries* pending);

/// Whether the object does not exist for the caller, whoever owns it.
[[nodiscard]] bool is_hidden(const Envelope& envelope, const Version& newest);
[[nodiscard]] Unexpected not_found(const Envelope& envelope);

/// Whether the caller may have a command called later, by an alarm: only one that it may call now.
[[nodiscard]] Result<void> check_may_name(const Envelope& envelope, const Version& newest,
                                          const CommandDefinition& command);

/// What every call is checked for before it may see the object: deadline, access. `now`
/// is in steady time.
[[nodiscard]] Result<void> admit(const Envelope& envelope, const Version& newest, Timestamp now);

// ---- for the builtin commands (builtin_turns.cpp)

/// A turn in the making.
struct Draft {
  const Envelope& envelope;
  const Version& before;
  const TurnSurroundings& around;
  ObjectMeta meta;              ///< after the turn
  std::shared_ptr<void> state;  ///< after the turn; starts as a copy
  Json value = nullptr;         ///< of the reply
  std::unique_ptr<FlowStop> stop = {};
  Reliances relies_on = {};
  /// While the state stays as it is stored, because it cannot be read; see Version.
  std::shared_ptr<const UnreadableState> unreadable = nullptr;
};

/// Runs the command on the draft's state. Errors: those of the handler; invalid, too_large.
[[nodiscard]] Result<void> run_handler(Draft& draft, TurnContext& turn);
/// The record of a draft, and all that follows from it.
[[nodiscard]] Result<Decision> decide(const Draft& draft, TurnRequests&& requests);

/// Takes the outbox item that the call carries out, if any, and answers it if someone asks.
/// `meta` is the object's.
void add_receipt(storage::WriteSet& write_set, const Envelope& envelope, const ObjectMeta& meta,
                 Result<Json> answer);

/// An answer, its idempotency key if it came with one, and the outbox item that it carries out: no
/// record, no new seq.
[[nodiscard]] Decision decide_nothing(const Envelope& envelope, const Version& newest,
                                      const TurnSurroundings& around, Result<Json> answer);

/// pin and unpin: no record, no new seq.
[[nodiscard]] Result<Decision> run_pin(const Envelope& envelope, const Version& newest,
                                       const TurnSurroundings& around);

/// purge: the record of an empty tombstone, and the end of the past.
/// Errors: conflict (exists, or was deleted too late), invalid.
[[nodiscard]] Result<Decision> run_purge(const Envelope& envelope, const Version& newest,
                                         const TurnSurroundings& around);

/// Reads the state that comes from outside. Errors: invalid.
[[nodiscard]] Result<std::shared_ptr<void>> accept_state(const KindDefinition& kind,
                                                         const Json& json);

}  // namespace perdure::runtime
