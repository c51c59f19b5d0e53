// SPDX-License-Identifier: Apache-2.0
// Flows: what flows need beyond their objects: it carries their asks to others, knows who waits for
// whom, wakes them from their sleep, and finds those that a crash cut off.
//
// A flow's moves are its object's (activation_flows.cpp). What is durable of it is one row
// (flow_state.hpp). A row that stands at `waiting_due` when a store is opened is of a flow that was
// cut off: it goes on, in the object's activation, by running its handler from the start on what is
// kept. One that was asked by another flow goes on when that one asks again.
#pragma once

#include <set>

#include "flow_state.hpp"
#include "intake.hpp"
#include "wait_graph.hpp"

namespace perdure::runtime {

/// Threads  step: one. The rest: any.
class Flows {
 public:
  /// All must outlive it.
  struct Around {
    Intake& intake;
    Directory& directory;
    const storage::Store& store;
    const KindTable& kinds;
  };
  explicit Flows(Around around);

  /// Asks for a flow; its activation hears the answer.
  void ask(const EnvelopePtr& asker, FlowWait wait);

  /// The sleep of a flow is over, as far as the wall clock says. `done` hears whether it is dealt
  /// with.
  void wake(const ObjectId& object, const Tick& tick, const std::function<void(bool)>& done);

  /// Looks for flows that were cut off, from the beginning: the store was opened.
  void reset();
  /// One that was given up for now goes on soon, from its row.
  void go_on_later(const ObjectId& object, const std::string& name);
  /// Has some of them go on.
  void step();
  /// One that was asked sleeps, and its asker waits in memory. False: the runtime stops, and
  /// nothing would wake it.
  [[nodiscard]] bool note_asleep(const EnvelopePtr& flow);
  /// The runtime stops: those that sleep go on from their rows when it is opened again.
  void stop();

  /// Whether objects of a kind may be held by flows: of today's code, or of that of before.
  [[nodiscard]] bool may_hold(const KindDefinition& kind) const {
    return has_rows_ || holding_.contains(&kind);
  }
  [[nodiscard]] WaitGraph& waits() { return waits_; }
  [[nodiscard]] const WaitGraph& waits() const { return waits_; }

  static constexpr std::size_t found_at_once = 256;

 private:
  [[nodiscard]] Result<void> check_depth(const Envelope& asker) const;
  void answered(const std::shared_ptr<FlowAsk>& ask, Result<Json> answer);
  /// Has a flow go on; `done` hears whether that is dealt with.
  void go_on(const storage::AlarmRow& row, std::function<void(bool)> done);
  void go_on(const ObjectId& object, const std::string& name);
  void look_further();

  const Around around_;
  std::set<const KindDefinition*> holding_;
  bool has_rows_ = false;  ///< some flow was cut off before the store was opened
  WaitGraph waits_;

  WatchedMutex mutex_;  // guards the rest
  /// Those up to here have been looked at; none: all have.
  std::optional<storage::AlarmPlace> looked_at_;
  std::vector<std::pair<ObjectId, std::string>> later_;  ///< objects of rows, and names
  std::vector<std::weak_ptr<Envelope>> asleep_;          ///< and some that are not any more
  std::size_t prune_past_ = 64;                          ///< so many of them are looked through
  bool stopped_ = false;
};

/// Whether an error says nothing of what became of what was asked for.
[[nodiscard]] bool is_lost(const Error& error);

}  // namespace perdure::runtime
