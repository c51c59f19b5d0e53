// SPDX-License-Identifier: Apache-2.0
#include "builder.hpp"

#include <algorithm>
#include <chrono>

#include "index_keys.hpp"
#include "perdure/runtime/unreadable.hpp"
#include "perdure/storage/raised.hpp"
#include "quorums.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

namespace {

/// How long it waits after something failed, and at most between two slices.
constexpr auto rest_max = std::chrono::milliseconds{1'000};
/// While others have something to do, it rests for so many times as long as a slice took.
constexpr int rest_share = 2;

std::size_t bytes_of(const storage::WriteSet& write_set) {
  std::size_t bytes = 0;
  for (const auto& row : write_set.indexes) bytes += row.key.size() + row.value.size();
  return bytes;
}

Result<HasObjects> look_for_objects(const storage::Store& store, const std::string& kind) {
  PERDURE_TRY(rows, store.index(kind, index_names::by_owner, {.limit = 1}));
  return rows.empty() ? HasObjects::no : HasObjects::yes;
}

void add_once(std::vector<ObjectId>& objects, const ObjectId& object) {
  if (std::ranges::find(objects, object) == objects.end()) objects.push_back(object);
}

/// A program that knows nothing of these rows may have written beside them since they were made.
void doubt(KindRecord& record) {
  for (auto& [name, part] : record.parts) part.declared.clear();
}

}  // namespace

Builder::Builder(BuilderSurroundings around)
    : around_(std::move(around)),
      succession_(around_.store, around_.kinds, around_.rows, around_.claims_at) {}

// ----------------------------------------------------------------------------------- openings

Result<void> Builder::open(AccessMode access) {
  auto& store = around_.store;
  epoch_ = store.epoch();
  storage::Unit unit;
  for (const auto& kind : around_.kinds) {
    PERDURE_TRY_VOID(open_kind(kind.definition(), access, unit));
  }
  PERDURE_TRY_VOID(find_unknown());
  if (!unit.write_sets.empty()) {
    auto outcome = std::move(store.commit({&unit, 1}, around_.claims_at()).front());
    if (!outcome) return fail(std::move(outcome).error());
  }
  for (auto& job : jobs_) {
    show(job);
    if (job.record.is_building) around_.hooks.build_started(job.shown);
  }
  return access == AccessMode::read_only ? Result<void>{} : succession_.open();
}

Result<void> Builder::open_kind(const KindDefinition& kind, AccessMode access,
                                storage::Unit& unit) {
  const auto& store = around_.store;
  auto before = read_kind_record(store, kind.name);
  if (!before && before.error().code != ErrorCode::corrupt) return fail(before.error());
  // Of what is damaged nothing is known: all is made again.
  if (!before) before = std::optional<KindRecord>{};
  PERDURE_TRY(raised, store.count(storage::raised_count));
  if (*before && raised > (*before)->build) doubt(**before);
  PERDURE_TRY(objects, look_for_objects(store, kind.name));
  auto record = opened_record(kind, *before, objects, epoch_);
  apply(record, kind, around_.rows.of(kind.name));
  if (record.newest_version > kind.schema_version && objects == HasObjects::yes) {
    unknown_.push_back({kind.name, record.newest_version, kind.schema_version});
  }
  if (access == AccessMode::read_only) return {};
  auto written = write_kind_record(store, kind.name, record);
  const bool is_same =
      *before && write_kind_record(store, kind.name, **before).indexes.front().value ==
                     written.indexes.front().value;
  if (!is_same) unit.write_sets.push_back(std::move(written));
  if (!record.is_building && record.left.empty()) return {};
  jobs_.push_back({.kind = &kind, .record = std::move(record), .shown = {.kind = kind.name}});
  jobs_.back().shown.parts = parts_to_build(jobs_.back().record);
  return {};
}

Result<void> Builder::find_unknown() {
  const auto is_known = [&](const std::string& name) {
    return std::ranges::find(around_.kinds, name, &Kind::name) != around_.kinds.end();
  };
  PERDURE_TRY(kinds, around_.store.kinds());
  for (auto& name : kinds) {
    if (name.starts_with('$') || is_known(name)) continue;
    const auto record = read_kind_record(around_.store, name);
    const auto version = record && *record ? (*record)->newest_version : 0;
    unknown_.push_back({std::move(name), version, 0});
  }
  for (const auto& unknown : unknown_) around_.hooks.unknown_kind_found(unknown);
  return {};
}

// -------------------------------------------------------------------------------------- steps

bool Builder::has_work() const { return !jobs_.empty() || succession_.has_work(); }

bool Builder::may_have_work() const { return !jobs_.empty() || succession_.may_have_work(); }

bool Builder::step() {
  if (jobs_.empty()) return step_succession();
  if (step_job(jobs_.front()) == Step::done) jobs_.pop_front();
  return !jobs_.empty() || succession_.has_work();
}

bool Builder::step_succession() {
  if (around_.store.health() != storage::Health::writable) return succession_.has_work();
  std::vector<ObjectId> again;
  bool has_failed = false;
  {
    const std::scoped_lock lock{slice_->mutex};
    if (slice_->on_their_way > 0) return true;
    again.swap(slice_->again);
    has_failed = std::exchange(slice_->failed, false);
  }
  // What was not committed may be anything: all are looked at again.
  auto opened = has_failed ? succession_.open() : Result<void>{};
  if (opened && again.empty() && !succession_.has_work()) return false;
  using WriteSets = Result<std::vector<storage::WriteSet>>;
  auto made = opened ? succession_.slice(again) : WriteSets{fail(std::move(opened).error())};
  if (!made) {
    const std::scoped_lock lock{slice_->mutex};
    slice_->failed = true;
    return true;
  }
  for (auto& write_set : *made) {
    const auto object = write_set.object;
    submit(std::move(write_set), &object, Marked::again);
  }
  return !made->empty() || succession_.has_work();
}

void Builder::released(const storage::Unit& unit) {
  if (!succession_.released(unit)) return;
  const std::scoped_lock lock{mutex_};
  woken_.notify_one();
}

Builder::Step Builder::step_job(Job& job) {
  if (around_.store.health() != storage::Health::writable) return Step::goes_on;
  bool has_failed = around_.store.epoch() != epoch_;
  {
    const std::scoped_lock lock{slice_->mutex};
    if (slice_->on_their_way > 0) return Step::goes_on;
    has_failed |= slice_->failed;
  }
  if (has_failed) return read_again(job);
  if (is_finishing_) {
    finish(job);
    return Step::goes_on;
  }
  if (!job.record.is_building && job.record.left.empty()) return Step::done;
  const auto done = !job.record.is_building ? erase(job)
                    : !job.is_counted       ? count(job)
                                            : begin_slice(job);
  show(job);
  if (done) return Step::goes_on;
  const std::scoped_lock lock{slice_->mutex};
  slice_->failed = true;
  return Step::goes_on;
}

/// What was not committed may be anything: on with what the store has.
Builder::Step Builder::read_again(Job& job) {
  auto record = read_kind_record(around_.store, job.kind->name);
  if (!record || !*record) return Step::goes_on;
  job.record = std::move(**record);
  slice_rows_.clear();
  epoch_ = around_.store.epoch();
  const bool was_finishing = std::exchange(is_finishing_, false);
  const std::scoped_lock lock{slice_->mutex};
  slice_->again.clear();
  slice_->failed = false;
  // The commit that said so was durable, after all.
  is_finishing_ = was_finishing && !job.record.is_building;
  return Step::goes_on;
}

Result<void> Builder::count(Job& job) {
  PERDURE_TRY(rows, around_.store.index(job.kind->name, index_names::by_owner,
                                        {.limit = rows_at_once}, job.counted_to));
  job.shown.objects += rows.size();
  job.is_counted = rows.size() < rows_at_once;
  if (!rows.empty()) job.counted_to = std::move(rows.back());
  return {};
}

Result<void> Builder::begin_slice(Job& job) {
  const auto again = [&] {
    const std::scoped_lock lock{slice_->mutex};
    job.record.unreadable += std::exchange(slice_->refused, 0);
    return std::exchange(slice_->again, {});
  }();
  for (const auto& object : again) {
    if (auto built = build(job, object); !built) return fail(std::move(built).error());
  }
  if (!again.empty()) return {};

  auto& record = job.record;
  if (!slice_rows_.empty()) {
    record.at = std::move(slice_rows_.back());
    record.done += slice_rows_.size();
    slice_rows_.clear();
  }
  PERDURE_TRY(rows, around_.store.index(job.kind->name, index_names::by_owner,
                                        {.limit = slice_objects}, record.at));
  if (rows.empty()) {
    record = built_record(job.kind->name, std::move(record));
    is_finishing_ = true;
  }
  submit(write_kind_record(around_.store, job.kind->name, record), nullptr);
  std::size_t bytes = 0;
  for (auto& row : rows) {
    PERDURE_TRY(more, build(job, {job.kind->name, row.id}));
    slice_rows_.push_back(std::move(row));
    bytes += more;
    if (bytes >= slice_bytes) break;
  }
  return {};
}

Result<std::size_t> Builder::build(Job& job, const ObjectId& object) {
  auto& store = around_.store;
  const auto& kind = *job.kind;
  const auto& rows = std::as_const(around_.rows).of(kind.name);
  const auto leave = [&](const Error& error) -> Result<std::size_t> {
    if (!is_of_one_object(error)) return fail(error);
    ++job.record.unreadable;
    return 0;
  };
  call_for_entries(job, object);  // a deleted object makes them when it comes back
  const auto now = around_.claims_at();
  PERDURE_TRY(mark, store.claim({rows.marks, object.id}, now));
  if (mark) return 0;
  const auto last = store.last_record(object);
  if (!last) return leave(last.error());
  if (!*last) return 0;
  const auto record = decode_record(object, **last);
  if (!record) return leave(record.error());
  if (record->root.empty()) return 0;  // it was purged meanwhile
  const auto root = root_of(kind, *record);
  if (!root) return leave(root.error());

  const ObjectForm form{record->meta, *root};
  storage::WriteSet made{.object = object, .epoch = epoch_, .expected_seq = (*last)->seq};
  made.indexes = index_difference({}, index_keys(kind, rows, form, Which::building));
  if (const auto* lists = around_.lists.find(kind);
      lists != nullptr && rows.is_being_built(rows.lists)) {
    change_lists(kind, *lists, rows.lists.stored, nullptr, &form, made);
  }
  count_in_quorums(kind, rows, form, Which::building, made);
  const ClaimChange claims{store, kind, rows, Built::no, now, object, nullptr, &form};
  PERDURE_TRY(duplicates, build_claims(claims, made));
  for (const auto& duplicate : duplicates) around_.hooks.duplicate_found(duplicate);
  job.shown.duplicates += duplicates.size();
  duplicates_ += duplicates.size();
  made.claims.push_back(mark_of(rows, object.id));
  const auto bytes = bytes_of(made);
  submit(std::move(made), &object);
  return bytes;
}

void Builder::call_for_entries(const Job& job, const ObjectId& object) {
  const auto& rows = std::as_const(around_.rows).of(job.kind->name);
  for (std::size_t place = 0; place < job.kind->derived.size(); ++place) {
    if (!rows.is_being_built(rows.derived[place])) continue;
    {
      const std::scoped_lock lock{slice_->mutex};
      ++slice_->on_their_way;
    }
    around_.call(
        {.target = object, .name = job.kind->derived[place].command, .payload = Json::object()},
        [slice = slice_, object](const Result<Reply>& reply) {
          const std::scoped_lock lock{slice->mutex};
          --slice->on_their_way;
          if (!reply && describe(reply.error().code).retry == Retry::yes) {
            slice->failed = true;
          } else if (!reply && reply.error().code != ErrorCode::not_found) {
            ++slice->refused;
          } else if (reply && reply->value.is_object() && reply->value.value("more", false)) {
            add_once(slice->again, object);
          }
          slice->changed.notify_all();
        });
  }
}

Result<void> Builder::erase(Job& job) {
  auto& left = job.record.left;
  PERDURE_TRY(erased, around_.store.erase_rows(left.back(), rows_at_once));
  if (erased < rows_at_once) left.pop_back();
  if (left.empty()) submit(write_kind_record(around_.store, job.kind->name, job.record), nullptr);
  return {};
}

void Builder::finish(Job& job) {
  is_finishing_ = false;
  around_.rows.of(job.kind->name).building.store(false, std::memory_order_release);
  show(job);
  succession_.built(*job.kind);
  around_.hooks.build_finished(job.shown);
}

void Builder::submit(storage::WriteSet write_set, const ObjectId* object, Marked marked) {
  {
    const std::scoped_lock lock{slice_->mutex};
    ++slice_->on_their_way;
  }
  const auto settle = [slice = slice_, marked,
                       object = object ? std::optional{*object}
                                       : std::nullopt](const storage::Outcome& outcome) {
    const std::scoped_lock lock{slice->mutex};
    --slice->on_their_way;
    const bool is_over =
        outcome || (marked == Marked::is_done && is_marked_meanwhile(outcome.error()));
    if (!is_over) {
      const auto code = outcome.error().code;
      const bool has_changed = code == ErrorCode::stale_precondition || code == ErrorCode::conflict;
      if (has_changed && object) {
        add_once(slice->again, *object);
      } else {
        slice->failed = true;
      }
    }
    slice->changed.notify_all();
  };
  storage::Unit unit;
  unit.write_sets.push_back(std::move(write_set));
  auto submission =
      std::make_shared<Submission>(Submission{.envelope = std::make_shared<Envelope>(),
                                              .unit = std::move(unit),
                                              .version = nullptr,
                                              .reply = Reply{},
                                              .settle = settle});
  around_.committer.submit(std::move(submission));
}

// ------------------------------------------------------------------------------------ progress

void Builder::show(Job& job) {
  job.shown.done = job.record.done;
  job.shown.unreadable = job.record.unreadable;
  const std::scoped_lock lock{mutex_};
  builds_.clear();
  for (const auto& one : jobs_) {
    const auto& rows = std::as_const(around_.rows).of(one.kind->name);
    if (rows.building.load(std::memory_order_acquire)) builds_.push_back(one.shown);
  }
}

std::vector<KindBuild> Builder::builds() const {
  const std::scoped_lock lock{mutex_};
  return builds_;
}

void Builder::run() {
  for (;;) {
    const auto begin = std::chrono::steady_clock::now();
    if (!step() && !wait_for_work()) return;
    {
      std::unique_lock lock{slice_->mutex};
      slice_->changed.wait(lock, [this] { return slice_->on_their_way == 0; });
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    const bool waits = around_.store.health() != storage::Health::writable || [this] {
      const std::scoped_lock lock{slice_->mutex};
      return slice_->failed;
    }();
    using std::chrono::nanoseconds;
    const auto rest = waits               ? nanoseconds{rest_max}
                      : around_.is_busy() ? std::min<nanoseconds>(rest_share * took, rest_max)
                                          : nanoseconds{0};
    std::unique_lock lock{mutex_};
    if (woken_.wait_for(lock, rest, [this] { return stopping_; })) return;
  }
}

/// False: there will be none, or it is stopped.
bool Builder::wait_for_work() {
  if (!succession_.may_have_work()) return false;
  std::unique_lock lock{mutex_};
  woken_.wait(lock, [this] { return stopping_ || succession_.has_work(); });
  return !stopping_;
}

void Builder::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  woken_.notify_one();
}

}  // namespace perdure::runtime
