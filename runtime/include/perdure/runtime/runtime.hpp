// SPDX-License-Identifier: Apache-2.0
// Runtime: opens a data directory and runs objects of the given kinds.
//
//   auto runtime = perdure::Runtime::open({.data_dir = "data"}, {counter}).value();
//   auto total = runtime->object("counter", "alice").call("add", Add{.by = 2}).get();
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/inspect.hpp"
#include "perdure/runtime/kind.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/runtime/seq_watch.hpp"

namespace perdure {

class Runtime;

/// A name for one object; it holds nothing open and costs nothing to make.
/// Lifetime  must not outlive its runtime.
class ObjectRef {
 public:
  ObjectRef(Runtime& runtime, ObjectId id) : runtime_(&runtime), id_(std::move(id)) {}

  [[nodiscard]] const ObjectId& id() const { return id_; }

  /// Runs a command; the future is ready when what it changed is durable.
  template <class Payload = Json>
  std::future<Result<Reply>> call(std::string command, const Payload& payload = {}) const {
    return send({.target = id_, .name = std::move(command), .payload = Json(payload)});
  }
  /// Asks a query; what it saw is durable when the future is ready.
  template <class Payload = Json>
  std::future<Result<Reply>> ask(std::string query, const Payload& payload = {}) const {
    return send({.target = id_,
                 .type = CallType::query,
                 .name = std::move(query),
                 .payload = Json(payload)});
  }
  /// With all that a call can carry; `target` is set here.
  std::future<Result<Reply>> send(Call call) const;

 private:
  Runtime* runtime_;
  ObjectId id_;
};

/// Threads    every method may be called from any thread.
/// Lifecycle  open → (calls) → stop; the destructor stops, too. Accepted calls are finished.
class Runtime {
 public:
  /// Errors  those of storage::open_rocksdb; invalid for two kinds of one name, an index that names
  ///         a field twice, or upgrade steps that leave a gap.
  static Result<std::unique_ptr<Runtime>> open(RuntimeOptions options, std::vector<Kind> kinds);

  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] ObjectRef object(std::string kind, std::string id) {
    return {*this, {std::move(kind), std::move(id)}};
  }

  /// The one way in: everything else here that changes an object goes through it.
  ///
  /// Errors  not_found (no such kind, command or object, or not the principal's), invalid
  ///         (payload), stale_precondition, conflict, idempotency_key_reused, too_large, overloaded
  ///         (mailbox or in-flight bound), deadline_exceeded, unavailable (stopping, no writes),
  ///         outcome_unknown, newer_version, corrupt, internal (the handler threw).
  void call(Call call, ReplyHandler done);
  std::future<Result<Reply>> call(Call call);

  [[nodiscard]] const std::vector<Kind>& kinds() const;
  [[nodiscard]] const KindDefinition* find_kind(std::string_view name) const;

  // ---- looking, without waking anybody. Only durable state is seen.

  /// Errors  not_found; gone (below retained history).
  [[nodiscard]] Result<ObjectView> inspect(const ObjectId& object, AsOf as_of = {}) const;
  /// Objects in the order of an index. Errors: invalid (`index`, `cursor`).
  [[nodiscard]] Result<ListPage> list(const ListRequest& request) const;
  /// Follows the object's durable seq from now on. Silent when the object is not active.
  [[nodiscard]] SeqWatch watch(const ObjectId& object) const;
  [[nodiscard]] Activity activity(const ObjectId& object) const;
  /// When the object was last called, if it is active.
  [[nodiscard]] std::optional<Timestamp> last_active(const ObjectId& object) const;
  [[nodiscard]] Result<std::vector<JournalRecord>> journal(const ObjectId& object, Seq from,
                                                           Seq until, Order order,
                                                           std::size_t limit) const;
  [[nodiscard]] Result<std::vector<Entry>> entries(const ObjectId& object, const EntryRange& range,
                                                   AsOf as_of = {}) const;
  [[nodiscard]] Result<std::vector<SnapshotInfo>> snapshots(const ObjectId& object) const;
  /// The object that holds a claim (see Turn::claim), if any.
  [[nodiscard]] Result<std::optional<ObjectId>> holder(const std::string& space,
                                                       const std::string& key) const;

  // ---- one object as a file: UTF-8 lines of JSON, the last one a digest of those before it.

  using LineSink = std::function<void(std::string_view line)>;
  [[nodiscard]] Result<void> export_object(const ObjectId& object, AsOf as_of,
                                           const LineSink& sink) const;
  /// Makes `target` from an export. Errors: malformed, corrupt (digest), conflict (exists).
  void import_object(ObjectId target, std::string_view lines, Principal principal,
                     ReplyHandler done);
  /// Makes `target` from another object as of a moment. Errors: not_found, gone, conflict.
  void clone_object(const ObjectId& source, AsOf as_of, ObjectId target, Principal principal,
                    ReplyHandler done);

  // ---- memory

  /// Drops the activation if nothing is in flight for it. Errors: conflict when something is.
  Result<void> hibernate(const ObjectId& object);
  /// Loads the object. `done` gets the reply of builtin::get.
  void activate(const ObjectId& object, ReplyHandler done);
  [[nodiscard]] RuntimeStats stats() const;
  [[nodiscard]] bool writable() const;

  /// Refuses new calls (`unavailable`), finishes the accepted ones, closes the store.
  void stop();

  class Core;
  /// Makes the core that takes another one's place.
  using Reopen = std::function<Result<std::unique_ptr<Core>>()>;
  /// Without `reopen` it cannot recover.
  Runtime(std::unique_ptr<Core> core, std::vector<Kind> kinds, Reopen reopen = {});

 private:
  [[nodiscard]] std::shared_ptr<Core> core() const { return std::atomic_load(&core_); }
  /// Errors: unavailable while the core is exchanged.
  [[nodiscard]] Result<std::shared_ptr<Core>> live_core() const;

  const std::vector<Kind> kinds_;
  const Reopen reopen_;
  std::shared_ptr<Core> core_;  ///< shared by the calls that are in it; null while it is exchanged
};

}  // namespace perdure
