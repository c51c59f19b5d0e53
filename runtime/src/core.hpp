// SPDX-License-Identifier: Apache-2.0
// Runtime::Core: the parts of a runtime, put together.
//
// With Threads::own it starts a committer and a housekeeper thread; with Threads::none nothing
// moves unless the owner steps it, on one thread: that is how the simulation runs it.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <map>
#include <thread>

#include "activation.hpp"
#include "agenda.hpp"
#include "builder.hpp"
#include "committer.hpp"
#include "directory.hpp"
#include "export_seal.hpp"
#include "housekeeper.hpp"
#include "letter_bound.hpp"
#include "once.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/reopening_store.hpp"
#include "purger.hpp"
#include "subscriber.hpp"
#include "transact.hpp"

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

[[nodiscard]] Result<void> validate_kinds(const std::vector<Kind>& kinds);
/// The host's kinds, and those that every runtime has.
[[nodiscard]] std::vector<Kind> with_own_kinds(std::vector<Kind> kinds);

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

  void call(Call&& call, ReplyHandler&& done);
  /// A call that carries out an outbox item: its turn takes the item.
  void carry_out(Call call, runtime::Receipt receipt, ReplyHandler done);
  /// What a transaction is of: its objects, and whether its handler finds others.
  struct TransactionScope {
    std::vector<ObjectId> objects = {};
    runtime::TransactionTurns::Others others = runtime::TransactionTurns::Others::refused;
    Json fingerprint = {};  ///< where the options have none
  };
  /// Accepts a transaction; see Runtime::transact.
  void transact(TransactionScope scope, TransactionHandler handler, TransactionOptions options,
                ReplyHandler done);
  /// See Runtime::stored_reply.
  [[nodiscard]] Result<std::optional<Reply>> stored_reply(const Call& call) const {
    return once_.find(call, claims_at());
  }
  void fire(const ObjectId& object, runtime::Tick tick, std::function<void(bool)> done);
  Result<void> hibernate(const ObjectId& object) { return directory_.hibernate(object); }
  /// See Runtime::subscribe.
  Result<std::unique_ptr<Subscriber>> subscribe(SubscriberOptions options, EventHandler handler);
  void stop();

  // ---- stepping, with Threads::none
  bool step_committer(std::size_t submissions_max) { return committer_.step(submissions_max); }
  void housekeep() {
    housekeeper_.step();
    builder_.step();
  }
  /// The store was opened again, and the next round drops the activations of the epoch before:
  /// between the two other threads go on, and so may others that are stepped.
  [[nodiscard]] bool is_between_epochs() const { return opened_again_; }
  bool step_agenda() { return agenda_.step(); }
  bool step_subscribers() { return stepped_subscribers_.step(); }
  /// In two steps, so that a disk may take its time: what waits, up to `submissions_max`, and then
  /// its commit.
  [[nodiscard]] runtime::Committer::Batch take_batch(std::size_t submissions_max) {
    return committer_.take(submissions_max);
  }
  void commit_batch(runtime::Committer::Batch batch) { committer_.commit(std::move(batch)); }
  /// What is in memory agrees with itself. Aborts otherwise. Between two steps.
  void check_invariants() const;
  /// What is in memory agrees with the store, and the rows of `objects` with each other: journals
  /// are dense chains, and the indexes hold what follows from the states. Aborts otherwise.
  /// Between two steps, while the store is writable; `objects` are all that there are.
  void check_store(const std::vector<ObjectId>& objects);

  [[nodiscard]] const KindDefinition* find_kind(std::string_view name) const;
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
  [[nodiscard]] runtime::ExportSeal& export_seal() { return export_seal_; }

 private:
  [[nodiscard]] Result<void> resolve(runtime::Envelope& envelope) const;
  /// Errors: invalid, not_found.
  [[nodiscard]] Result<void> check_scope(const TransactionScope& scope) const;
  /// Gives an envelope its times.
  void stamp(runtime::Envelope& envelope) const;
  /// Claims that expire by this time are free again.
  [[nodiscard]] Timestamp claims_at() const { return times_.sure(options_.idempotency_window); }
  void accept(const runtime::EnvelopePtr& envelope);
  /// Whether the caller's thread is lent, and the call wants no more of it than it should.
  [[nodiscard]] bool may_run_here(const runtime::Envelope& envelope) const;
  void hold(const ObjectId& object, std::uint64_t transaction, ReplyHandler done,
            runtime::CellPtr& cell);
  /// Whether the query is answered from the durable version, at once or by who loads it.
  [[nodiscard]] bool answer_without_actor(const runtime::EnvelopePtr& envelope);
  [[nodiscard]] bool answer_at_once(runtime::Envelope& envelope);
  [[nodiscard]] Result<Reply> answer_from(const runtime::Version& version,
                                          const runtime::Envelope& envelope);
  /// Has a worker load and answer, if the object is not active.
  [[nodiscard]] bool load_and_answer(const runtime::EnvelopePtr& envelope);
  /// Whether the query takes no more of the caller's thread than it may.
  [[nodiscard]] bool may_answer_here(const runtime::Envelope& envelope,
                                     const runtime::Version& version) const;
  /// On a worker.
  void load(runtime::Envelope& envelope);
  /// Whose alarms share a rate with the object's; none: no others.
  [[nodiscard]] Result<std::optional<std::string>> alarm_owner(const ObjectId& object) const;
  /// Once the disk that was full has room: opens the store again, and drops all activations.
  void recover();
  /// Errors: unavailable, also while stopping. Reads nothing but memory.
  [[nodiscard]] Result<void> takes_writes() const;
  /// On the committer's thread: a new dead letter is durable.
  void tell_of_letter(const runtime::Cell& cell, const runtime::Version& version);
  [[nodiscard]] caf::actor spawn(const runtime::CellPtr& cell);
  /// After making an actor, on whatever thread.
  void let_go_of_logger() const;
  [[nodiscard]] caf::actor_system& system() const {
    return foundation_.system != nullptr ? *foundation_.system : *own_system_;
  }

  const RuntimeOptions options_;
  const std::vector<Kind> kinds_;  ///< the host's, then the runtime's own
  std::map<std::string, const KindDefinition*, std::less<>> kinds_by_name_;
  const KindDefinition* subscription_kind_ = nullptr;
  const KindDefinition* dead_letter_kind_ = nullptr;
  runtime::Foundation foundation_;
  runtime::ExportSeal export_seal_;
  Hooks no_hooks_;
  EveryHook& hooks_;
  std::unique_ptr<caf::actor_system_config> own_config_;
  std::unique_ptr<caf::actor_system> own_system_;
  runtime::Paces paces_;
  const runtime::Times times_;
  runtime::Once once_;
  runtime::Directory directory_;
  runtime::Committer committer_;
  runtime::Housekeeper housekeeper_;
  runtime::Agenda agenda_;
  runtime::RowNames row_names_;
  const runtime::TurnRules rules_;
  runtime::Builder builder_;
  runtime::Purger purger_;
  runtime::LetterBound letter_bound_;
  runtime::Surroundings around_;
  runtime::TransactEffects transact_effects_;
  Result<void> opened_;
  bool counts_all_ = false;    ///< every object of the store is counted for its owner
  bool opened_again_ = false;  ///< the store, and activations have yet to go: the housekeeper's
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> transactions_{0};  ///< on their way
  std::atomic<std::uint64_t> last_transaction_{0};
  runtime::SubscriberNames subscribers_;
  runtime::SteppedSubscribers stepped_subscribers_;  ///< with Threads::none
  std::thread committer_thread_;
  std::thread housekeeper_thread_;
  std::thread agenda_thread_;
  std::thread builder_thread_;  ///< only if there is something to build
};

}  // namespace perdure
