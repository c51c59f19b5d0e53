// SPDX-License-Identifier: Apache-2.0
// Runtime: opens a data directory and runs objects of the given kinds.
//
//   auto runtime = perdure::Runtime::open({.data_dir = "data"}, {counter}).value();
//   auto total = co_await runtime->object(counter, "alice").call(add, {.by = 2});
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/events.hpp"
#include "perdure/runtime/inspect.hpp"
#include "perdure/runtime/kind.hpp"
#include "perdure/runtime/kind_build.hpp"
#include "perdure/runtime/object_ref.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/runtime/seq_watch.hpp"
#include "perdure/runtime/transaction.hpp"
#include "perdure/runtime/transfer.hpp"

namespace perdure {

class Signals;
class Streams;

/// Threads    every method may be called from any thread.
/// Lifecycle  open → (calls) → stop; the destructor stops, too. Accepted calls are finished.
class Runtime {
 public:
  /// Errors  those of StoreFactory::open; invalid for two kinds of one name, an index that names
  ///         a field twice, two unique fields of one space, or upgrade steps that leave a gap.
  static Result<std::unique_ptr<Runtime>> open(RuntimeOptions options, std::vector<Kind> kinds);

  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] ObjectRef object(std::string kind, std::string id) {
    return {*this, {std::move(kind), std::move(id)}};
  }
  template <class State>
  [[nodiscard]] Object<State> object(const KindName<State>& kind, std::string id) {
    return {*this, kind.object(std::move(id))};
  }

  /// The one way in: everything else here that changes an object goes through it.
  ///
  /// Errors  not_found (no such kind, command or object, or not the principal's), invalid
  ///         (payload), stale_precondition, conflict, idempotency_key_reused, too_large, overloaded
  ///         (mailbox or in-flight bound), deadline_exceeded, unavailable (stopping, no writes),
  ///         outcome_unknown, newer_version, corrupt, internal (the handler threw).
  void call(Call call, ReplyHandler done);
  /// The same with a deadline of the runtime's, unless the call has one. See future.hpp.
  detail::FutureGiven<Reply, Call> call(Call call);

  /// Runs a handler on several objects, whose changes commit as one; each gets a record of its own.
  /// Meanwhile other calls of these objects wait. The reply's value is the handler's.
  ///
  /// Shape   `objects` are all that the handler may call, 1 to 100 of them.
  /// Errors  those of call; what the handler returned; deadline_exceeded when the objects could not
  ///         be held in time. Nothing was done then, unless it is outcome_unknown.
  void transact(std::vector<ObjectId> objects, TransactionHandler handler,
                TransactionOptions options, ReplyHandler done);
  Future<Reply> transact(std::vector<ObjectId> objects, TransactionHandler handler);
  detail::FutureGiven<Reply, TransactionOptions> transact(std::vector<ObjectId> objects,
                                                          TransactionHandler handler,
                                                          TransactionOptions options);
  /// The same for a list of commands, run in order; the reply's value is the list of their values.
  void transact(std::vector<TransactionStep> steps, TransactionOptions options, ReplyHandler done);
  Future<Reply> transact(std::vector<TransactionStep> steps);
  detail::FutureGiven<Reply, TransactionOptions> transact(std::vector<TransactionStep> steps,
                                                          TransactionOptions options);
  /// The same for objects that the handler finds as it goes. It runs at least twice: first on what
  /// is durable, while nothing is held (Transaction::rehearses); then while the objects that it
  /// named are held, and again when it names others. What it makes by chance, such as ids, has to
  /// be the same in each run.
  /// Errors  as above; overloaded when it names others time and again.
  void transact_found(TransactionHandler handler, TransactionOptions options, ReplyHandler done);
  Future<Reply> transact_found(TransactionHandler handler);
  detail::FutureGiven<Reply, TransactionOptions> transact_found(TransactionHandler handler,
                                                                TransactionOptions options);
  /// What is kept under an idempotency key of a principal, if anything is; marked as replayed.
  /// Errors: idempotency_key_reused (it is kept with another fingerprint), those of the store.
  [[nodiscard]] Result<std::optional<Reply>> stored_reply(const Principal& principal,
                                                          const std::string& idempotency_key,
                                                          const std::string& fingerprint) const;

  [[nodiscard]] const std::vector<Kind>& kinds() const;
  [[nodiscard]] const KindDefinition* find_kind(std::string_view name) const;

  // ---- looking, without waking anybody. Only durable state is seen.
  /// Errors  not_found; gone (below retained history).
  [[nodiscard]] Result<ObjectView> inspect(const ObjectId& object, AsOf as_of = {}) const;
  /// The object as the turn of a seq left it, whether or not it was deleted by then. The state of a
  /// purged one is null. Errors: not_found; gone (below retained history, or not there yet).
  [[nodiscard]] Result<ObjectView> inspect_at(const ObjectId& object, Seq seq) const;
  /// Objects in the order of an index. A page has at most limits::page_items_bytes_max of states
  /// and then comes short, as it does after limits::page_rows_max rows.
  /// Errors: invalid (`index`, `cursor`).
  [[nodiscard]] Result<ListPage> list(const ListRequest& request) const;
  /// The same one by one, so that a page never stands in memory: `read` says when it is full.
  [[nodiscard]] Result<ListEnd> list(const ListRequest& request, const ListReader& read) const;
  /// What decides whether an object is in the list of a request; `limit` and `cursor` are not used.
  /// Errors: invalid, for lists by an index too.
  [[nodiscard]] Result<ListMembership> membership(const ListRequest& request) const;
  /// `state`, of an object of `kind`, with null for each reference whose object does not exist.
  [[nodiscard]] Json without_dead_references(const KindDefinition& kind, Json state) const;
  /// The same where somebody else knows what exists.
  using Existence = std::function<bool(const ObjectId& object)>;
  [[nodiscard]] static Json without_dead_references(const KindDefinition& kind, Json state,
                                                    const Existence& exists);
  /// Whether the object exists now; one that cannot be read counts as existing.
  [[nodiscard]] bool exists(const ObjectId& object) const;
  /// Follows the object's durable seq from now on. Silent when the object is not active.
  [[nodiscard]] SeqWatch watch(const ObjectId& object) const;
  [[nodiscard]] Activity activity(const ObjectId& object) const;
  /// When the object was last called, if it is active.
  [[nodiscard]] std::optional<Timestamp> last_active(const ObjectId& object) const;
  [[nodiscard]] Result<std::vector<JournalRecord>> journal(const ObjectId& object, Seq from,
                                                           Seq until, Order order,
                                                           std::size_t limit) const;
  /// The same one by one, until `read` says false, or there are no more.
  using JournalReader = std::function<bool(JournalRecord record)>;
  [[nodiscard]] Result<void> journal(const ObjectId& object, Seq from, Seq until, Order order,
                                     const JournalReader& read) const;
  [[nodiscard]] Result<std::vector<Entry>> entries(const ObjectId& object, const EntryRange& range,
                                                   AsOf as_of = {}) const;
  static constexpr auto all = std::numeric_limits<std::size_t>::max();
  /// By seq, from a seq on.
  [[nodiscard]] Result<std::vector<SnapshotInfo>> snapshots(const ObjectId& object, Seq from = 0,
                                                            std::size_t limit = all) const;
  /// The object's alarms by name, from a name on; finished ones for a day after their end.
  [[nodiscard]] Result<std::vector<Alarm>> alarms(const ObjectId& object,
                                                  std::string_view from = {},
                                                  std::size_t limit = all) const;
  [[nodiscard]] Result<std::optional<Alarm>> alarm(const ObjectId& object,
                                                   std::string_view name) const;
  /// How many objects an owner has, of a kind or of all: those that are deleted and not purged
  /// count, too.
  [[nodiscard]] Result<std::uint64_t> count_objects(const std::string& owner,
                                                    const std::string& kind = {}) const;
  /// What waits in the outbox, or is being carried out, from a position on. Very long outboxes are
  /// in memory in part only.
  [[nodiscard]] std::vector<OutboxItem> outbox(std::uint64_t from, std::size_t limit) const;
  /// The object that holds a claim (see Turn::claim, UniqueDefinition), if any.
  [[nodiscard]] Result<std::optional<ObjectId>> holder(const std::string& space,
                                                       const std::string& key) const;
  [[nodiscard]] std::vector<KindBuild> builds() const;  ///< see kind_build.hpp
  [[nodiscard]] Result<std::vector<Duplicate>> duplicates(std::size_t limit) const;
  [[nodiscard]] const std::vector<UnknownKind>& unknown_kinds() const;
  [[nodiscard]] Result<RowReport> check_rows() const;

  // ---- events
  /// Reads the event log on from a cursor. Errors: invalid (`/after`, `/topics`).
  [[nodiscard]] Result<EventPage> read_events(const EventQuery& query) const;
  /// The cursor of the place after all that is durable.
  [[nodiscard]] Result<std::string> events_end() const;
  /// Calls `callback` after each commit that published something, while the watch lives. It runs on
  /// a thread of the runtime, must not block, and must not end a watch.
  [[nodiscard]] std::unique_ptr<EventWatch> watch_events(std::function<void()> callback) const;
  /// Hands the log's events to `handler`, from a cursor on that is durable and bears a name: what
  /// was handled before a restart does not come again but for a batch that was under way.
  /// Errors: invalid (`/name`, `/topics`, `/batch_max`); conflict when a subscriber of that name
  /// lives.
  [[nodiscard]] Result<std::unique_ptr<Subscriber>> subscribe(SubscriberOptions options,
                                                              EventHandler handler);
  /// Text of objects that grows while others read it (streams.hpp); words that nobody keeps to who
  /// is there just now (signals.hpp).
  [[nodiscard]] Streams& streams();
  [[nodiscard]] Signals& signals();

  // ---- outside work
  /// Registers who performs the effects of a name (see Turn::request), up to `concurrency` at the
  /// same time. Effects that were asked for before wait for it. `perform` runs on a thread of the
  /// runtime and must not block.
  void set_performer(std::string name, Performer perform, Concurrency concurrency = {});
  void set_performer(std::string name, Performer perform, std::size_t concurrency) {
    set_performer(std::move(name), std::move(perform), Concurrency{.all = concurrency});
  }

  // ---- one object as a file: UTF-8 lines of JSON, the last one a digest of those before it.
  /// Errors: not_found; gone; corrupt.
  [[nodiscard]] Result<std::unique_ptr<ObjectExport>> begin_export(const ObjectId& object,
                                                                   AsOf as_of = {}) const;
  /// The same at one go; `lines` are one or several whole ones.
  using LineSink = std::function<void(std::string_view lines)>;
  [[nodiscard]] Result<void> export_object(const ObjectId& object, AsOf as_of,
                                           const LineSink& sink) const;
  /// Makes `call.target` from an export. Name, payload and owner of the call are set here; all else
  /// (principal, idempotency key) is the caller's.
  /// Errors: malformed (a digest that does not fit, too), conflict (exists).
  void import_object(Call call, std::string_view lines, ReplyHandler done);
  /// The same piece by piece: it makes the call that is to be called. Borrows `lines`.
  [[nodiscard]] std::unique_ptr<ObjectCopy> begin_import(Call call, std::string_view lines) const;
  /// Makes `call.target` from another object as of a moment; the call as above.
  /// Errors: not_found, gone, conflict; too_large past limits::clone_bytes_max.
  void clone_object(const ObjectId& source, AsOf as_of, Call call, ReplyHandler done);
  [[nodiscard]] Result<std::unique_ptr<ObjectCopy>> begin_clone(const ObjectId& source, AsOf as_of,
                                                                Call call) const;

  // ---- memory
  /// Drops the activation if nothing is in flight for it. Errors: conflict when something is.
  Result<void> hibernate(const ObjectId& object);
  /// Loads the object. `done` gets the reply of builtin::get.
  void activate(const ObjectId& object, ReplyHandler done);
  [[nodiscard]] RuntimeStats stats() const;
  /// False after a failed write. When the disk was full it is true again soon after there is room:
  /// the store is opened again beneath the objects. After a failed sync only a new runtime helps.
  [[nodiscard]] bool writable() const;
  /// As `writable`, after a look (a few system calls) whether the data directory is still there.
  /// Errors: unavailable; `detail` says what is wrong and what to do, the code of its field what.
  [[nodiscard]] Result<void> check_writable() const;
  /// Which line of history seqs belong to, see storage::Store::line. A read of memory.
  [[nodiscard]] std::uint32_t line() const;
  /// Whether who looks at an object that is not in memory waits for a store that is elsewhere.
  [[nodiscard]] bool reads_are_slow() const;

  bool commit_waiting();  ///< on a thread that is lent for commits (LentThread); true: more waits
  /// Refuses new calls (`unavailable`), finishes the accepted ones, closes the store.
  void stop();

  class Core;
  /// Makes a call whose answer somebody waits for. Null: the runtime's executor.
  [[nodiscard]] std::shared_ptr<runtime::PendingCall> pend(Call call,
                                                           std::optional<Milliseconds> deadline,
                                                           Executor* executor);
  Runtime(std::unique_ptr<Core> core, std::vector<Kind> kinds);

 private:
  const std::vector<Kind> kinds_;
  const std::unique_ptr<Core> core_;
};

}  // namespace perdure
