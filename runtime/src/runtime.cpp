// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/runtime.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core.hpp"
#include "handler_mark.hpp"
#include "history.hpp"
#include "perdure/runtime/page.hpp"
#include "perdure/schemas/schema.hpp"
#include "perdure/storage/rocksdb_store.hpp"
#include "quota.hpp"

namespace perdure {

namespace {

// Both are stateless, so one of each serves every runtime of the process.
const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}
Random& secure_random() {
  static SecureRandom random;
  return random;
}

storage::StoreRequest store_request(const RuntimeOptions& options) {
  return {.mode = options.access == AccessMode::read_only ? storage::OpenMode::read_only
                                                          : storage::OpenMode::read_write,
          .durability = options.durability == DurabilityMode::sync ? storage::Durability::sync
                                                                   : storage::Durability::buffered,
          .lost_commits = options.accept_lost_commits == AcceptLostCommits::yes
                              ? storage::LostCommits::accept
                              : storage::LostCommits::refuse,
          .on_write_failure =
              [hooks = options.hooks](const Error& cause) {
                if (hooks != nullptr) hooks->writes_stopped(cause);
              },
          .on_damage =
              [hooks = options.hooks](const Error& cause) {
                if (hooks != nullptr) hooks->damage_found(cause);
              },
          .on_new_line =
              [hooks = options.hooks](const Error& cause) {
                if (hooks != nullptr) hooks->line_broken(cause);
              }};
}

/// Records may be large: a reader that stops has made the store read few for nothing.
constexpr std::size_t records_at_once = 8;

std::string hex(const Sha256& hash) { return to_hex(bytes_of(hash)); }

JournalRecord journal_view(runtime::Record record, const ObjectId& object,
                           const storage::RecordRow& row) {
  JournalRecord view{
      .seq = row.seq,
      .at = record.meta.updated_at,
      .command = std::move(record.command),
      .principal = record.meta.updated_by,
      .request_id = std::move(record.request_id),
      .traceparent = std::move(record.traceparent),
      .schema_version = record.meta.schema_version,
      .born_seq = record.meta.origin->born_seq,
      .deleted = record.meta.deleted_at.has_value(),
      .state = record.root.empty() ? Json(nullptr) : Json::parse(record.root, nullptr, false),
      .entries = {},
      .events = {},
      .previous_hash = hex(record.previous_hash),
      .hash = hex(runtime::hash_record(object, row.seq, row.record))};
  for (const auto& [key, digest] : record.entries) {
    using Op = JournalEntryChange::Op;
    view.entries.push_back(
        {key, digest ? Op::put : Op::erase, digest ? to_hex(*digest) : std::string{}});
  }
  for (std::size_t i = 0; i < record.topics.size(); ++i) {
    view.events.push_back({runtime::event_id(object, row.seq, i), record.topics[i]});
  }
  return view;
}

}  // namespace

Streams& Runtime::streams() { return core_->streams(); }
Signals& Runtime::signals() { return core_->signals(); }

Runtime::Runtime(std::unique_ptr<Core> core, std::vector<Kind> kinds)
    : kinds_(runtime::with_own_kinds(std::move(kinds))), core_(std::move(core)) {}
Runtime::~Runtime() = default;

Result<std::unique_ptr<Runtime>> Runtime::open(RuntimeOptions options, std::vector<Kind> kinds) {
  PERDURE_TRY_VOID(runtime::validate_kinds(runtime::with_own_kinds(kinds)));
  const auto factory =
      options.store ? options.store : storage::rocksdb_factory({.directory = options.data_dir});
  PERDURE_TRY(store, storage::ReopeningStore::open(factory, store_request(options)));
  auto* const system = options.actor_system;
  auto core = std::make_unique<Core>(std::move(options), kinds,
                                     runtime::Foundation{.store = std::move(store),
                                                         .clock = &system_clock(),
                                                         .random = &secure_random(),
                                                         .system = system});
  if (const auto& opened = core->opened(); !opened) return fail(opened.error());
  return std::make_unique<Runtime>(std::move(core), std::move(kinds));
}

void Runtime::call(Call call, ReplyHandler done) {
  core_->intake().call(std::move(call), std::move(done));
}

void Runtime::transact(std::vector<ObjectId> objects, TransactionHandler handler,
                       TransactionOptions options, ReplyHandler done) {
  Json names = Json::array();
  for (const auto& object : objects) names.push_back(to_string(object));
  core_->transactions().begin({.objects = std::move(objects), .fingerprint = std::move(names)},
                              std::move(handler), options, std::move(done));
}

namespace {

// Says which step was refused.
Error of_step(Error error, std::size_t number) {
  error = within(std::move(error), fmt::format("/{}/payload", number));
  if (!error.detail.starts_with('/')) error.detail.insert(0, fmt::format("step {}: ", number));
  return error;
}

}  // namespace

void Runtime::transact(std::vector<TransactionStep> steps, TransactionOptions options,
                       ReplyHandler done) {
  std::vector<ObjectId> objects;
  Json fingerprint = Json::array();
  for (const auto& step : steps) {
    objects.push_back(step.object);
    fingerprint.push_back({to_string(step.object), step.command, step.payload});
    if (step.if_seq) fingerprint.back().push_back(*step.if_seq);
  }
  auto handler = [steps = std::move(steps)](Transaction& transaction) -> Result<Json> {
    Json values = Json::array();
    for (const auto& step : steps) {
      auto reply = transaction.run(step);
      if (!reply) return fail(of_step(std::move(reply).error(), values.size()));
      values.push_back(std::move(reply->value));
    }
    return values;
  };
  core_->transactions().begin(
      {.objects = std::move(objects), .fingerprint = std::move(fingerprint)}, std::move(handler),
      options, std::move(done));
}

void Runtime::transact_found(TransactionHandler handler, TransactionOptions options,
                             ReplyHandler done) {
  core_->transactions().begin({.others = runtime::TransactionTurns::Others::found},
                              std::move(handler), std::move(options), std::move(done));
}

Result<std::optional<Reply>> Runtime::stored_reply(const Principal& principal,
                                                   const std::string& idempotency_key,
                                                   const std::string& fingerprint) const {
  return core_->intake().stored_reply({.target = {},
                                       .name = {},
                                       .principal = principal,
                                       .idempotency_key = idempotency_key,
                                       .idempotency_fingerprint = fingerprint});
}

const std::vector<Kind>& Runtime::kinds() const { return kinds_; }

const KindDefinition* Runtime::find_kind(std::string_view name) const {
  const auto found = std::ranges::find(kinds_, name, &Kind::name);
  return found == kinds_.end() ? nullptr : &found->definition();
}

Result<ObjectView> Runtime::inspect(const ObjectId& object, AsOf as_of) const {
  PERDURE_TRY_VOID(validate(object));
  const auto* kind = find_kind(object.kind);
  if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + object.kind);
  PERDURE_TRY(record, runtime::record_as_of(core_->store(), object, as_of));
  return runtime::view_record(*kind, record);
}

Result<ObjectView> Runtime::inspect_at(const ObjectId& object, Seq seq) const {
  PERDURE_TRY_VOID(validate(object));
  const auto* kind = find_kind(object.kind);
  if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + object.kind);
  return runtime::view_at(core_->store(), core_->directory(), *kind, object, seq);
}

bool Runtime::exists(const ObjectId& object) const {
  return runtime::object_exists(core_->store(), core_->directory(), object);
}

Json Runtime::without_dead_references(const KindDefinition& kind, Json state) const {
  return without_dead_references(kind, std::move(state),
                                 [this](const ObjectId& object) { return exists(object); });
}

Json Runtime::without_dead_references(const KindDefinition& kind, Json state,
                                      const Existence& exists) {
  if (!state.is_object()) return state;
  for (const auto& reference : kind.references) {
    const auto found = state.find(reference.field);
    if (found == state.end() || !found->is_string()) continue;
    if (!exists({reference.kind, found->get<std::string>()})) *found = nullptr;
  }
  return state;
}

Result<ListEnd> Runtime::list(const ListRequest& request, const ListReader& read) const {
  const auto* kind = find_kind(request.kind);
  if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + request.kind);
  return runtime::list_objects(core_->store(), core_->directory(), *kind, core_->lists(),
                               core_->row_names().of(kind->name), request, read);
}

Result<ListMembership> Runtime::membership(const ListRequest& request) const {
  const auto* kind = find_kind(request.kind);
  if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + request.kind);
  return runtime::membership(*kind, core_->lists(), request);
}

Result<ListPage> Runtime::list(const ListRequest& request) const {
  ListPage page;
  PageBudget budget{{.items_max = request.limit}};
  PERDURE_TRY(end, list(request, [&](const ObjectId& object, Result<ObjectView> view) {
                if (!budget.take(view ? serialized_size(view->state) : 0)) return Shown::refused;
                if (view) {
                  page.items.push_back(std::move(*view));
                } else {
                  page.unreadable.push_back({object, std::move(view).error()});
                }
                return Shown::taken;
              }));
  page.next_cursor = std::move(end.next_cursor);
  page.total = end.total;
  return page;
}

SeqWatch Runtime::watch(const ObjectId& object) const { return core_->directory().watch(object); }

Activity Runtime::activity(const ObjectId& object) const {
  return core_->directory().active(object) ? Activity::active : Activity::hibernated;
}

std::optional<Timestamp> Runtime::last_active(const ObjectId& object) const {
  const auto used = core_->directory().last_used(object);
  if (!used) return {};
  return core_->clock().now() - (core_->clock().monotonic() - *used);
}

Result<void> Runtime::journal(const ObjectId& object, Seq from, Seq until, Order order,
                              const JournalReader& read) const {
  PERDURE_TRY_VOID(validate(object));
  const auto& store = core_->store();
  PERDURE_TRY(last, store.last_record(object));
  if (!last) return fail(ErrorCode::not_found, "there is no " + to_string(object));
  const bool up = order == Order::ascending;
  const auto direction = up ? storage::Direction::forward : storage::Direction::backward;
  for (;;) {
    PERDURE_TRY(rows, store.journal(object, from, until, direction, records_at_once));
    for (const auto& row : rows) {
      PERDURE_TRY(record, runtime::decode_record(object, row));
      if (!read(journal_view(std::move(record), object, row))) return {};
    }
    if (rows.size() < records_at_once) return {};
    if (up) {
      from = rows.back().seq + 1;
    } else {
      until = rows.back().seq - 1;
    }
  }
}

Result<std::vector<JournalRecord>> Runtime::journal(const ObjectId& object, Seq from, Seq until,
                                                    Order order, std::size_t limit) const {
  std::vector<JournalRecord> records;
  PERDURE_TRY_VOID(journal(object, from, until, order, [&](JournalRecord record) {
    if (records.size() < limit) records.push_back(std::move(record));
    return records.size() < limit;
  }));
  return records;
}

Result<std::vector<Entry>> Runtime::entries(const ObjectId& object, const EntryRange& range,
                                            AsOf as_of) const {
  PERDURE_TRY_VOID(validate(object));
  PERDURE_TRY(record, runtime::record_as_of(core_->store(), object, as_of));
  try {
    return runtime::LayeredEntries{
        core_->store(), object, nullptr, nullptr, record.meta.origin->born_seq, record.meta.seq}
        .range(range);
  } catch (const Failure& failure) {
    return fail(failure.error());
  }
}

Result<std::vector<SnapshotInfo>> Runtime::snapshots(const ObjectId& object, Seq from,
                                                     std::size_t limit) const {
  PERDURE_TRY_VOID(validate(object));
  PERDURE_TRY(record, runtime::record_as_of(core_->store(), object, {}));
  // Those below are of an earlier life.
  from = std::max(from, record.meta.origin->born_seq);
  PERDURE_TRY(pins, core_->store().pins(object, from, limit));
  std::vector<SnapshotInfo> snapshots;
  for (const auto& pin : pins) {
    PERDURE_TRY(snapshot, runtime::decode_snapshot(object, pin));
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

Result<std::uint64_t> Runtime::count_objects(const std::string& owner,
                                             const std::string& kind) const {
  return core_->store().count(runtime::object_count(kind, owner));
}

Result<std::optional<Alarm>> Runtime::alarm(const ObjectId& object, std::string_view name) const {
  PERDURE_TRY_VOID(validate(object));
  PERDURE_TRY(row, core_->store().alarm(object, name));
  if (!row) return std::optional<Alarm>{};
  PERDURE_TRY(alarm, runtime::decode_alarm(*row));
  return std::optional{std::move(alarm)};
}

Result<std::vector<Alarm>> Runtime::alarms(const ObjectId& object, std::string_view from,
                                           std::size_t limit) const {
  PERDURE_TRY_VOID(validate(object));
  PERDURE_TRY(rows, core_->store().alarms(object, from, limit));
  std::vector<Alarm> alarms;
  for (const auto& row : rows) {
    PERDURE_TRY(alarm, runtime::decode_alarm(row));
    alarms.push_back(std::move(alarm));
  }
  return alarms;
}

std::vector<OutboxItem> Runtime::outbox(std::uint64_t from, std::size_t limit) const {
  return core_->agenda().outbox().items(from, limit);
}

Result<EventPage> Runtime::read_events(const EventQuery& query) const {
  return core_->agenda().events().read(query);
}

Result<std::string> Runtime::events_end() const { return core_->agenda().events().end(); }

std::unique_ptr<EventWatch> Runtime::watch_events(std::function<void()> callback) const {
  return core_->agenda().events().watch(std::move(callback));
}

Result<std::unique_ptr<Subscriber>> Runtime::subscribe(SubscriberOptions options,
                                                       EventHandler handler) {
  return core_->subscribe(std::move(options), std::move(handler));
}

void Runtime::set_performer(std::string name, Performer perform, Concurrency concurrency) {
  core_->agenda().outbox().set_performer(std::move(name), std::move(perform), concurrency);
}

Result<std::optional<ObjectId>> Runtime::holder(const std::string& space,
                                                const std::string& key) const {
  return core_->holder(space, key);
}

std::vector<KindBuild> Runtime::builds() const { return core_->builder().builds(); }

Result<std::vector<Duplicate>> Runtime::duplicates(std::size_t limit) const {
  return core_->duplicates(limit);
}

const std::vector<UnknownKind>& Runtime::unknown_kinds() const {
  return core_->builder().unknown_kinds();
}

Result<RowReport> Runtime::check_rows() const { return core_->check_rows(); }

Result<void> Runtime::hibernate(const ObjectId& object) {
  PERDURE_TRY_VOID(validate(object));
  return core_->hibernate(object);
}

void Runtime::activate(const ObjectId& object, ReplyHandler done) {
  call({.target = object, .type = CallType::query, .name = std::string{builtin::get}},
       std::move(done));
}

RuntimeStats Runtime::stats() const { return core_->stats(); }

bool Runtime::writable() const { return core_->store().health() == storage::Health::writable; }

Result<void> Runtime::check_writable() const { return core_->check_writable(); }

std::uint32_t Runtime::line() const { return core_->store().line(); }

bool Runtime::commit_waiting() { return core_->commit_waiting(); }

bool Runtime::reads_are_slow() const { return core_->reads() != nullptr; }

void Runtime::stop() {
  const auto may_wait = runtime::HandlerMark::may_wait(&core_->directory(), "its own end");
  PERDURE_CHECK(may_wait, may_wait.error().detail);
  core_->stop();
}

}  // namespace perdure
