// SPDX-License-Identifier: Apache-2.0
// Runtime::Core: the parts of a runtime, put together.
//
// With Threads::own it starts a committer and a housekeeper thread; with Threads::none nothing
// moves unless the owner steps it, on one thread: that is how the simulation runs it.
#pragma once

#include <thread>

#include "actor_host.hpp"
#include "agenda.hpp"
#include "builder.hpp"
#include "call_hub.hpp"
#include "committer.hpp"
#include "directory.hpp"
#include "export_seal.hpp"
#include "flows.hpp"
#include "housekeeper.hpp"
#include "intake.hpp"
#include "kind_table.hpp"
#include "letter_bound.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/reopening_store.hpp"
#include "purger.hpp"
#include "read_pool.hpp"
#include "recovery.hpp"
#include "signal_hub.hpp"
#include "stream_hub.hpp"
#include "stream_keeper.hpp"
#include "subscriber.hpp"
#include "transactions.hpp"

namespace perdure::runtime {

enum class Threads { own, none };

/// What a runtime stands on. `clock`, `random` and `system` must outlive it.
struct Foundation {
  std::unique_ptr<storage::ReopeningStore> store;
  const Clock* clock;
  Random* random;
  caf::actor_system* system;  ///< null: it makes its own
  Threads threads = Threads::own;
};

}  // namespace perdure::runtime

namespace perdure {

class Runtime::Core {
 public:
  Core(RuntimeOptions options, std::vector<Kind> kinds, runtime::Foundation foundation);
  ~Core();
  /// Why it cannot be used; then it is only to be destroyed.
  [[nodiscard]] const Result<void>& opened() const { return opened_; }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Calls, messages and alarms come in here.
  [[nodiscard]] runtime::Intake& intake() { return intake_; }
  [[nodiscard]] runtime::Transactions& transactions() { return transactions_; }
  /// Somebody is to wait for a call; the handler that answers it is `handler` of what this returns.
  [[nodiscard]] std::shared_ptr<runtime::PendingCall> pend(const Call& call, Executor* executor,
                                                           std::optional<Milliseconds> deadline);
  [[nodiscard]] const runtime::CallHub& calls() const { return *calls_; }
  Result<void> hibernate(const ObjectId& object) { return directory_.hibernate(object); }
  /// See Runtime::subscribe.
  Result<std::unique_ptr<Subscriber>> subscribe(SubscriberOptions options, EventHandler handler);
  void stop();

  [[nodiscard]] bool commit_waiting() { return committer_.commit_waiting(); }

  // ---- stepping, with Threads::none
  bool step_committer(std::size_t submissions_max) { return committer_.step(submissions_max); }
  void housekeep() {
    housekeeper_.step();
    builder_.step();
  }
  /// The store was opened again, and the next round drops the activations of the epoch before.
  [[nodiscard]] bool is_between_epochs() const { return recovery_.is_between_epochs(); }
  bool step_agenda() { return agenda_.step(); }
  bool step_subscribers() { return stepped_subscribers_.step(); }
  /// In two steps, so that a disk may take its time: what waits, up to `submissions_max`, and then
  /// its commit.
  [[nodiscard]] runtime::Committer::Batch take_batch(std::size_t submissions_max) {
    return committer_.take(submissions_max);
  }
  void commit_batch(runtime::Committer::Batch batch) { committer_.commit(std::move(batch)); }
  /// Fetches rows for turns that wait; null: nothing is fetched.
  [[nodiscard]] runtime::ReadPool* reads() { return reads_.get(); }
  /// What is in memory agrees with itself. Aborts otherwise. Between two steps.
  void check_invariants() const;
  /// What is in memory agrees with the store, and the rows of `objects` with each other: journals
  /// are dense chains, and the indexes hold what follows from the states. Aborts otherwise.
  /// Between two steps, while the store is writable; `objects` are all that there are.
  void check_store(const std::vector<ObjectId>& objects);

  [[nodiscard]] const KindDefinition* find_kind(std::string_view name) const {
    return kinds_.find(name);
  }
  [[nodiscard]] RuntimeStats stats() const;
  [[nodiscard]] const storage::Store& store() const { return *foundation_.store; }
  [[nodiscard]] const Clock& clock() const { return *foundation_.clock; }
  [[nodiscard]] const runtime::Times& times() const { return times_; }
  [[nodiscard]] const runtime::ListLayouts& lists() const { return rules_.lists; }
  [[nodiscard]] const runtime::RowNames& row_names() const { return row_names_; }
  [[nodiscard]] const runtime::Builder& builder() const { return builder_; }
  /// See Runtime::holder.
  [[nodiscard]] Result<std::optional<ObjectId>> holder(const std::string& space,
                                                       const std::string& key) const;
  /// See Runtime::duplicates, Runtime::check_rows.
  [[nodiscard]] Result<std::vector<Duplicate>> duplicates(std::size_t limit) const;
  [[nodiscard]] Result<RowReport> check_rows() const;
  /// See Runtime::check_writable.
  [[nodiscard]] Result<void> check_writable() const;
  [[nodiscard]] runtime::Agenda& agenda() { return agenda_; }
  [[nodiscard]] const runtime::SteppedSubscribers& stepped_subscribers() const {
    return stepped_subscribers_;
  }
  [[nodiscard]] runtime::Directory& directory() { return directory_; }
  [[nodiscard]] const runtime::Directory& directory() const { return directory_; }
  [[nodiscard]] runtime::StreamHub& streams() { return streams_; }
  [[nodiscard]] runtime::SignalHub& signals() { return signals_; }
  [[nodiscard]] runtime::ExportSeal& export_seal() { return export_seal_; }

 private:
  using Send = std::function<void(Call, ReplyHandler)>;
  /// Makes calls of the runtime's own parts.
  [[nodiscard]] Send sender();
  [[nodiscard]] runtime::Committer::Effects committer_effects();
  [[nodiscard]] runtime::PumpEffects pump_effects();
  /// An alarm is due, or the sleep of a flow is over.
  void fire(const ObjectId& object, runtime::Tick tick, std::function<void(bool)> done);
  /// Whose alarms share a rate with the object's; none: no others.
  [[nodiscard]] Result<std::optional<std::string>> alarm_owner(const ObjectId& object) const;
  /// On the committer's thread: `version` is durable.
  void committed(runtime::Cell& cell, const runtime::Version& version);
  void start_threads();
  /// Has objects stored that have been in memory alone for long enough; all when it stops.
  void store_unstored();

  const RuntimeOptions options_;
  const runtime::KindTable kinds_;
  runtime::Foundation foundation_;
  const std::unique_ptr<runtime::ReadPool> reads_;  ///< null: the store's reads are not slow
  runtime::ExportSeal export_seal_;
  Hooks no_hooks_;
  EveryHook& hooks_;
  /// Shared with the calls, which may outlive the runtime.
  const std::shared_ptr<runtime::CallHub> calls_;
  runtime::Flights flights_;
  const runtime::ActorHost actors_;
  runtime::Paces paces_;
  const runtime::Times times_;
  runtime::Directory directory_;
  runtime::Intake intake_;
  runtime::Flows flows_;
  runtime::Committer committer_;
  runtime::Housekeeper housekeeper_;
  runtime::Agenda agenda_;
  runtime::Recovery recovery_;
  runtime::RowNames row_names_;
  const runtime::TurnRules rules_;
  runtime::Builder builder_;
  runtime::Purger purger_;
  runtime::LetterBound letter_bound_;
  runtime::StreamHub streams_;
  runtime::StreamKeeper stream_keeper_;
  runtime::SignalHub signals_;
  runtime::Unstored unstored_;
  runtime::Surroundings around_;
  runtime::Transactions transactions_;
  Result<void> opened_;
  bool counts_all_ = false;  ///< every object of the store is counted for its owner
  std::atomic<bool> stopped_{false};
  runtime::SubscriberNames subscribers_;
  runtime::SteppedSubscribers stepped_subscribers_;  ///< with Threads::none
  std::thread committer_thread_;
  std::thread housekeeper_thread_;
  std::thread agenda_thread_;
  std::vector<std::thread> read_threads_;
  std::thread builder_thread_;  ///< only if there is something to build
};

}  // namespace perdure
