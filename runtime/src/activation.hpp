// SPDX-License-Identifier: Apache-2.0
// Activation: one in-memory incarnation of an object. It runs the object's turns one at a time, in
// the order in which calls arrive, ahead of the disk.
//
// Turns build on `newest_`, which may be ahead of what is durable. When the store refuses one, all
// that were built on it come back, too: the activation then waits until each submission has either
// settled or returned, goes back to the committed version, and runs the returned calls again, in
// their order, before any later one.
//
// Threads  one at a time (its actor's).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "ahead.hpp"
#include "committer.hpp"
#include "overlay.hpp"
#include "pace.hpp"
#include "read_pool.hpp"
#include "read_set.hpp"
#include "times.hpp"
#include "turn_runner.hpp"
#include "unstored.hpp"

namespace perdure::runtime {

class Flows;
class Intake;
struct FetchedRows;

/// What an activation needs of the runtime around it.
struct Surroundings {
  const storage::Store& store;
  /// Fetches rows; null: the store is read by who needs them.
  ReadPool* reads;
  Intake& intake;
  Directory& directory;
  Committer& committer;
  const Times& times;
  EveryHook& hooks;
  Paces& paces;
  const TurnRules& rules;
  Unstored& unstored;
  Flows& flows;
  bool checks_invariants = false;  ///< after each message
};

/// Runs the turns of an object, and answers what only its newest state can (ADR 0011: an active
/// object has one while it is called for).
class Activation {
 public:
  /// Goes on where an earlier actor of the cell has left it.
  Activation(CellPtr cell, Surroundings& around)
      : cell_(std::move(cell)), around_(around), submitted_(cell_->settled.load()) {}

  /// Runs the call, or keeps it while returned ones go first.
  void receive(EnvelopePtr envelope);
  /// A submission of this activation that was not committed.
  void take_back(SubmissionPtr submission);
  /// Recovers if there is something to recover from and nothing of it is on the way any more.
  void recover_when_alone();

  /// Stores what is ahead of the disk, if there is a reason to.
  void flush(FlushWhy why);
  /// A transaction has ended: on with what waited, if it is the one that holds the object.
  void release(std::uint64_t transaction);
  /// The rows that a parked turn lacked: it runs again.
  void fetched(FetchedRows& rows);
  /// Runs the next of the calls that were held, and asks to be told again if there are more: so a
  /// slice ends between them as between others.
  void go_on();

  /// A flow of this object has what it waited for.
  void answered(FlowAnswer& answer);

  /// Aborts when it holds calls for no reason, or is behind what is durable.
  void check_invariants() const;

 private:
  void run(const EnvelopePtr& envelope);
  void take_turn(const EnvelopePtr& envelope);
  /// What a turn reads from.
  [[nodiscard]] const storage::StoreReader& rows(const Envelope& envelope) const;
  /// Of flows, and of what they ask for: such turns read the store themselves, and are not parked.
  [[nodiscard]] static bool reads_itself(const Envelope& envelope) {
    return envelope.flow || envelope.asked || is_flow(envelope);
  }
  /// Whether the turn that has just been run lacks rows. Then it came to nothing: it waits for them
  /// here, and all that comes later behind it.
  [[nodiscard]] bool parks(const EnvelopePtr& envelope);
  void run_command(const EnvelopePtr& envelope);
  [[nodiscard]] TurnSurroundings surroundings(const storage::StoreReader& rows);
  /// Runs a command that is not synced; false: it has to be.
  bool run_ahead(const EnvelopePtr& envelope);
  void begin_ahead(const EnvelopePtr& envelope);
  /// Hands over the record of what is ahead. What comes now is built on it.
  void store_ahead();
  /// Nothing is on its way but what was ahead: a turn that is answered early is built on no other.
  [[nodiscard]] bool may_be_ahead() const {
    return cell_->settled.load(std::memory_order_acquire) >= synced_;
  }
  [[nodiscard]] Result<Reply> ask(const Envelope& envelope);
  [[nodiscard]] Result<void> load(const storage::StoreReader& rows);
  void recover();
  void go_back_to_committed();
  [[nodiscard]] bool must_hold() const {
    return !returned_.empty() || held_by_ != 0 || flow_ || parked_ != nullptr;
  }
  /// For calls that wait here, once there is no reason to hold them any more.
  void ask_to_go_on();
  void hold(const EnvelopePtr& envelope);
  void forget_durable();
  /// Lets a reply out when all that it saw is durable.
  void answer(const EnvelopePtr& envelope, Result<Reply> reply);
  void submit(const EnvelopePtr& envelope, std::optional<storage::Unit> unit, Result<Reply> reply,
              StreamNewsPtr news = {});
  [[nodiscard]] bool is_durable() const;
  /// What a turn has decided is what the next one builds on.
  [[nodiscard]] StreamNewsPtr build_on(Decision& decision);

  // Flows: activation_flows.cpp.

  /// Whether the object's first call looks for flows. Where reads are slow, other calls load it by
  /// the rows that they wait for.
  [[nodiscard]] bool begins_with_flows(const Envelope& envelope) const;
  /// Loads the object for its first call, with the flow that holds it. False: it was answered.
  [[nodiscard]] bool begin(Envelope& envelope);
  /// Whether a call goes before those that wait for a flow to end.
  [[nodiscard]] bool goes_ahead(const Envelope& envelope) const;
  /// Runs those that had to wait for something else and now go before the flow: what the flow waits
  /// for may wait for them.
  void let_queries_ahead();
  /// Whether it is a flow's query, which must not wait for a transaction that waits for the flow.
  [[nodiscard]] bool asks_held_object(const Envelope& envelope) const {
    return held_by_ != 0 && envelope.asked && envelope.call.type == CallType::query;
  }
  void answer_from_committed(Envelope& envelope) const;
  /// A row was found that goes on, or whose sleep is over.
  void resume(const EnvelopePtr& found);
  [[nodiscard]] Result<EnvelopePtr> read_flow(std::string_view name) const;
  void take_up(const EnvelopePtr& envelope);
  void wake(const EnvelopePtr& envelope);
  /// Has an ask that was begun before a crash answered by the flow that goes on with it.
  [[nodiscard]] bool attach(const EnvelopePtr& envelope);
  /// What the turn of a flow, or of what a flow has asked for, came to.
  void settle(const EnvelopePtr& envelope, Result<Decision> decision);
  void stop(const EnvelopePtr& envelope, std::unique_ptr<FlowStop> stop);
  [[nodiscard]] Result<void> begin_flow(const EnvelopePtr& envelope);
  void enlist(const EnvelopePtr& envelope);
  void wait(const EnvelopePtr& envelope, FlowStop stop);
  /// Has the first row of a flow take the message that begins it.
  void take_message(const EnvelopePtr& envelope);
  void fall_asleep(const EnvelopePtr& envelope, Milliseconds time);
  void tell_later(const EnvelopePtr& flow, std::optional<storage::Unit> unit, FlowAnswer answer);
  void keep_waited_for(Envelope& envelope, FlowAnswer& answer) const;
  /// Its code does not fit what is kept: it waits for code that does.
  void park(const EnvelopePtr& envelope, Error why);
  /// It cannot go on in this process, or in this epoch; its row goes on later.
  void abandon(const EnvelopePtr& envelope, const Error& error);
  [[nodiscard]] bool is_live(const Envelope& envelope) const;
  void forget(Envelope& envelope);
  void tell_messenger(FlowState& flow, Error what) const;
  /// Of a flow whose base was refused: it begins again in its place.
  void withdraw(const EnvelopePtr& envelope);
  /// Ends a flow that an operator names, or has it end as soon as it can.
  void give_up(const EnvelopePtr& envelope);
  [[nodiscard]] Result<Decision> decide_failure(const Envelope& envelope, const Error& error);
  [[nodiscard]] storage::WriteSet expectation() const;

  const CellPtr cell_;
  Surroundings& around_;
  VersionPtr newest_;       ///< null until loaded
  PendingEntries pending_;  ///< entries that turns wrote and that may not be durable yet
  PendingAlarms alarms_;    ///< the same of alarms
  Tally tally_;
  StreamMemory streams_;
  std::size_t prune_past_ = 0;  ///< as many pending entries are looked through for durable ones
  storage::Gaps gaps_;
  std::uint64_t submitted_;
  std::uint64_t synced_ = 0;             ///< the last submission that was not what was ahead
  std::shared_ptr<Ahead> ahead_;         ///< null: nothing; shared with its way to the disk
  std::vector<SubmissionPtr> returned_;  ///< not empty: recovering
  std::uint64_t held_by_ = 0;            ///< the transaction that holds the object; 0: none
  InFlight kept_;                        ///< while held_by_ is not 0
  /// To be run before any other: returned, or arrived while recovering or holding, or behind those.
  std::unique_ptr<std::deque<EnvelopePtr>> held_;          ///< null: none
  EnvelopePtr flow_;                                       ///< that holds the object; null: none
  std::map<std::string, EnvelopePtr, std::less<>> flows_;  ///< that hold nothing, and wait
  /// Flows whose rows are being erased, each with the number of its submission.
  std::vector<std::pair<std::uint64_t, std::string>> ended_flows_;
  std::optional<Error> blocked_;   ///< what commands hear while a stored flow cannot go on
  bool going_on_ = false;          ///< has asked to, and has not been told yet
  EnvelopePtr parked_;             ///< whose turn waits for rows; null: none
  std::uint64_t ticket_ = 0;       ///< of the last fetch
  std::unique_ptr<ReadSet> seen_;  ///< what the turn was given to read; null: it reads the store
};

}  // namespace perdure::runtime
