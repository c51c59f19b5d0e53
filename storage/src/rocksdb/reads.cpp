// SPDX-License-Identifier: Apache-2.0
// Reads of records, indexes, alarms, claims, events and pins.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "keys.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

/// The newest record of an object: the first row of its prefix, found by one Seek that the bloom
/// filters of the prefix keep out of files without the object.
class Newest {
 public:
  Newest(const Database& database, std::string_view prefix)
      : database_(&database), lookup_(database.begin_lookup()) {
    seek(prefix);
  }
  Newest(const Database& database, std::string_view prefix, const Snapshot& at) {
    rocksdb::ReadOptions options;
    options.prefix_same_as_start = true;
    options.snapshot = at.get();
    lookup_.rows = database.iterate(options, rows::Table::records);
    seek(prefix);
  }
  ~Newest() {
    if (database_ != nullptr) database_->end_lookup(std::move(lookup_));
  }
  Newest(const Newest&) = delete;
  Newest& operator=(const Newest&) = delete;

  [[nodiscard]] bool found() const { return row().Valid(); }
  [[nodiscard]] std::string_view key() const { return view(row().key()); }
  [[nodiscard]] std::string_view value() const { return view(row().value()); }
  /// 0 when there is none.
  [[nodiscard]] Result<Seq> seq() const {
    if (found()) return keys::seq_of(key()).value_or(0);
    if (!row().status().ok()) return fail_status("cannot read", row().status());
    return Seq{0};
  }

 private:
  void seek(std::string_view prefix) { lookup_.rows->Seek(slice(keys::at_seq(prefix, newest))); }
  [[nodiscard]] const rocksdb::Iterator& row() const { return *lookup_.rows; }

  const Database* database_ = nullptr;  ///< whose iterator it is; null: its own
  IdleIterators::Lookup lookup_;
};

}  // namespace

Result<Seq> RocksdbStore::read_last_seq(const ObjectId& id) const {
  return Newest{database(), keys::object_prefix(id)}.seq();
}

Result<std::optional<RecordRow>> RocksdbStore::last_record(const ObjectId& id) const {
  const Newest row{database(), keys::object_prefix(id)};
  PERDURE_TRY(seq, row.seq());
  if (!row.found()) return std::optional<RecordRow>{};
  PERDURE_TRY(record, rows::unseal(rows::Table::records, row.key(), row.value()));
  return std::optional{RecordRow{seq, std::string{record}}};
}

Result<RecordRow> RocksdbStore::record(const ObjectId& id, Seq seq) const {
  const auto key = keys::at_seq(keys::object_prefix(id), seq);
  PERDURE_TRY(record, database().get(rows::Table::records, key));
  if (record) return RecordRow{seq, std::move(*record)};
  return explain_absence(id, seq);
}

Result<RecordRow> RocksdbStore::explain_absence(const ObjectId& id, Seq seq) const {
  const Snapshot now{database()};  // the record, the last one and the floor of one moment
  const auto prefix = keys::object_prefix(id);
  PERDURE_TRY(record, database().get(rows::Table::records, keys::at_seq(prefix, seq), now.get()));
  if (record) return RecordRow{seq, std::move(*record)};
  PERDURE_TRY(last, (Newest{database(), prefix, now}.seq()));
  if (seq == 0 || seq > last) {
    return fail(ErrorCode::not_found, fmt::format("{} has no record {}", to_string(id), seq));
  }
  PERDURE_TRY(floor, floor_at(prefix, now.get()));
  if (seq < floor) {
    return fail(ErrorCode::gone, fmt::format("record {} of {} was trimmed", seq, to_string(id)));
  }
  return fail(ErrorCode::corrupt, fmt::format("record {} of {} is missing", seq, to_string(id)));
}

Result<std::vector<RecordRow>> RocksdbStore::journal(const ObjectId& id, Seq from, Seq until,
                                                     Direction direction, std::size_t limit) const {
  const Snapshot now{database()};
  const auto prefix = keys::object_prefix(id);
  if (direction == Direction::backward) return records_down(prefix, from, until, limit, now);
  // Rows stand newest first: upwards it goes in pieces, each of them read downwards.
  std::vector<RecordRow> found;
  PERDURE_TRY(last, (Newest{database(), prefix, now}.seq()));
  until = std::min(until, last);
  from = std::max<Seq>(from, 1);
  while (from <= until && found.size() < limit) {
    const auto left = limit - found.size();
    const auto end = until - from < left ? until : from + left - 1;
    PERDURE_TRY(piece, records_down(prefix, from, end, left, now));
    std::move(piece.rbegin(), piece.rend(), std::back_inserter(found));
    PERDURE_TRY(next, piece.empty() ? next_kept(id, end + 1, now) : Result<Seq>{end + 1});
    from = next;
  }
  return found;
}

/// The first seq from `from` on that retention may have left.
Result<Seq> RocksdbStore::next_kept(const ObjectId& id, Seq from, const Snapshot& now) const {
  PERDURE_TRY(floor, floor_at(keys::object_prefix(id), now.get()));
  if (from >= floor) return from;
  PERDURE_TRY(pinned, pins(id, from, 1));
  return pinned.empty() ? floor : std::min(pinned.front().seq, floor);
}

Result<std::vector<RecordRow>> RocksdbStore::records_down(std::string_view prefix, Seq from,
                                                          Seq until, std::size_t limit,
                                                          const Snapshot& now) const {
  std::vector<RecordRow> found;
  if (from > until) return found;
  Scan scan{database(),
            rows::Table::records,
            keys::at_seq(prefix, until),
            from == 0 ? prefix_end(std::string{prefix}) : keys::at_seq(prefix, from - 1),
            Reach::prefix,
            now.get()};
  for (scan.to_first(); scan.valid() && found.size() < limit; scan.next()) {
    PERDURE_TRY(record, scan.content());
    found.push_back({keys::seq_of(scan.key()).value_or(0), std::string{record}});
  }
  PERDURE_TRY_VOID(scan.status());
  return found;
}

Result<Seq> RocksdbStore::floor(const ObjectId& id) const {
  return floor_at(keys::object_prefix(id));
}

Result<Seq> RocksdbStore::floor_at(std::string_view prefix, const rocksdb::Snapshot* at) const {
  const auto key = keys::floor(prefix);
  PERDURE_TRY(content, database().get(rows::Table::meta, key, at));
  if (!content) return Seq{1};
  const auto floor = rows::parse_number(*content);
  if (!floor) return rows::misshapen(rows::Table::meta, key);
  return *floor;
}

namespace {

/// Where a walk over an index begins and ends: the range, cut by the row that it goes on after.
struct IndexBounds {
  std::string lower;
  std::string upper;
};

IndexBounds index_bounds(const std::string& prefix, const KeyRange& range,
                         const std::optional<IndexRow>& after) {
  IndexBounds bounds{prefix + range.from,
                     range.until.empty() ? prefix_end(prefix) : prefix + range.until};
  if (!after) return bounds;
  auto mark = keys::index_row(prefix, after->key, after->id);
  if (range.direction == Direction::backward) {
    bounds.upper = std::min(bounds.upper, mark);
  } else {
    mark += '\0';  // the first key above it
    bounds.lower = std::max(bounds.lower, mark);
  }
  return bounds;
}

}  // namespace

Result<void> RocksdbStore::walk_index(std::string_view kind, std::string_view index,
                                      const KeyRange& range, const std::optional<IndexRow>& after,
                                      const IndexReader& read) const {
  auto bounds = index_bounds(keys::index_prefix(kind, index), range, after);
  if (bounds.lower >= bounds.upper || range.limit == 0) return {};
  Scan scan{database(), rows::Table::indexes, std::move(bounds.lower), std::move(bounds.upper)};
  std::size_t shown = 0;
  for (scan.start(range.direction); scan.valid(); scan.step(range.direction)) {
    PERDURE_TRY(content, scan.content());
    const auto row = keys::split_index(scan.key());
    if (!row) return rows::misshapen(rows::Table::indexes, scan.key());
    if (read(row->key, row->id, content) == Walk::end || ++shown == range.limit) return {};
  }
  return scan.status();
}

Result<std::vector<std::string>> RocksdbStore::kinds() const {
  std::vector<std::string> kinds;
  Scan scan{database(), rows::Table::indexes, {}, {}};
  for (scan.to_first(); scan.valid(); scan.seek(kinds.back() + '\x01')) {
    kinds.emplace_back(scan.key().substr(0, scan.key().find('\0')));
  }
  PERDURE_TRY_VOID(scan.status());
  return kinds;
}

Result<std::optional<std::string>> RocksdbStore::claim(const ClaimKey& claim, Timestamp now) const {
  const auto key = keys::claim(claim.space, claim.key);
  return parse_claim(key, database().get(rows::Table::claims, key), now);
}

Result<std::optional<std::string>> RocksdbStore::parse_claim(std::string_view key,
                                                             const Content& content,
                                                             Timestamp now) {
  if (!content) return fail(content.error());
  if (!*content) return std::optional<std::string>{};
  const auto held = rows::parse_claim(**content);
  if (!held) return rows::misshapen(rows::Table::claims, key);
  if (held->expired(now)) return std::optional<std::string>{};
  return std::optional<std::string>{std::in_place, held->value};
}

Result<std::uint64_t> RocksdbStore::count(std::string_view name) const {
  const auto key = keys::count(name);
  return parse_count(key, database().get(rows::Table::meta, key));
}

Result<std::uint64_t> RocksdbStore::parse_count(std::string_view key, const Content& content) {
  if (!content) return fail(content.error());
  if (!*content) return 0;
  const auto count = rows::parse_number(**content);
  if (!count) return rows::misshapen(rows::Table::meta, key);
  return *count;
}

Result<std::vector<AlarmPlace>> RocksdbStore::alarms_due(
    Timestamp until, std::size_t limit, const std::optional<AlarmPlace>& after) const {
  std::vector<AlarmPlace> found;
  std::string from;
  if (after) {
    from = keys::due(after->due, keys::object_prefix(after->object), after->name);
    from += '\0';  // the first key above it
  }
  auto end = keys::due_end(until);
  if (from >= end) return found;
  Scan scan{database(), rows::Table::due, std::move(from), std::move(end)};
  for (scan.to_first(); scan.valid() && found.size() < limit; scan.next()) {
    PERDURE_TRY_VOID(scan.content());
    auto alarm = keys::parse_due(scan.key());
    if (!alarm) return rows::misshapen(rows::Table::due, scan.key());
    found.push_back({alarm->due, std::move(alarm->object), std::move(alarm->name)});
  }
  PERDURE_TRY_VOID(scan.status());
  return found;
}

Result<std::optional<AlarmRow>> RocksdbStore::alarm(const ObjectId& id,
                                                    std::string_view name) const {
  const auto key = keys::alarm(keys::object_prefix(id), name);
  return parse_alarm(key, database().get(rows::Table::alarms, key), id, name);
}

Result<std::optional<AlarmRow>> RocksdbStore::parse_alarm(std::string_view key,
                                                          const Content& content,
                                                          const ObjectId& id,
                                                          std::string_view name) {
  if (!content) return fail(content.error());
  if (!*content) return std::optional<AlarmRow>{};
  const auto alarm = rows::parse_alarm(**content);
  if (!alarm) return rows::misshapen(rows::Table::alarms, key);
  return std::optional{AlarmRow{id, std::string{name}, alarm->due, std::string{alarm->body}}};
}

Result<std::vector<AlarmRow>> RocksdbStore::alarms(const ObjectId& id, std::string_view from,
                                                   std::size_t limit) const {
  std::vector<AlarmRow> found;
  const auto prefix = keys::object_prefix(id);
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;  // most objects have none: the bloom filters say so
  const auto row = database().iterate(options, rows::Table::alarms);
  const auto first = prefix + std::string{from};
  for (row->Seek(slice(first)); row->Valid() && found.size() < limit; row->Next()) {
    const auto key = view(row->key());
    PERDURE_TRY(content, rows::unseal(rows::Table::alarms, key, view(row->value())));
    const auto alarm = rows::parse_alarm(content);
    if (!alarm) return rows::misshapen(rows::Table::alarms, key);
    found.push_back(
        {id, std::string{key.substr(prefix.size())}, alarm->due, std::string{alarm->body}});
  }
  if (!row->status().ok()) return fail_status("cannot read", row->status());
  return found;
}

namespace {

/// Rows of a table that is keyed by position.

}  // namespace

Result<std::vector<EventRow>> RocksdbStore::events(std::uint64_t from, std::size_t limit) const {
  PERDURE_TRY(first, first_event());
  std::vector<EventRow> found;
  Scan scan{database(), rows::Table::events, keys::at_position(std::max(from, first)), {}};
  for (scan.to_first(); scan.valid() && found.size() < limit; scan.next()) {
    PERDURE_TRY(content, scan.content());
    const auto position = keys::parse_position(scan.key());
    auto row = position ? rows::parse_event(*position, content) : std::nullopt;
    if (!row) return rows::misshapen(rows::Table::events, scan.key());
    found.push_back(std::move(*row));
  }
  PERDURE_TRY_VOID(scan.status());
  return found;
}

Result<std::vector<OutboxRow>> RocksdbStore::outbox(std::uint64_t from, std::size_t limit) const {
  std::vector<OutboxRow> found;
  Scan scan{database(), rows::Table::outbox, keys::at_position(from), {}};
  for (scan.to_first(); scan.valid() && found.size() < limit; scan.next()) {
    PERDURE_TRY(body, scan.content());
    const auto position = keys::parse_position(scan.key());
    if (!position) return rows::misshapen(rows::Table::outbox, scan.key());
    found.push_back({*position, std::string{body}});
  }
  PERDURE_TRY_VOID(scan.status());
  return found;
}

Result<std::uint64_t> RocksdbStore::first_event() const {
  PERDURE_TRY(content, database().get(rows::Table::meta, keys::first_event));
  if (!content) return std::uint64_t{1};
  const auto first = rows::parse_number(*content);
  if (!first) return rows::misshapen(rows::Table::meta, keys::first_event);
  return *first;
}

Result<EventRange> RocksdbStore::event_range() const {
  PERDURE_TRY(first, first_event());
  PERDURE_TRY(content, database().get(rows::Table::meta, keys::commit));
  const auto commit = content ? rows::parse_commit(*content) : rows::CommitContent{};
  if (!commit) return rows::misshapen(rows::Table::meta, keys::commit);
  return EventRange{.first = first, .last = commit->last_event, .history = opened_.history};
}

Result<std::vector<PinRow>> RocksdbStore::pins(const ObjectId& id, Seq from,
                                               std::size_t limit) const {
  std::vector<PinRow> found;
  const auto prefix = keys::object_prefix(id);
  Scan scan{database(), rows::Table::pins, from == 0 ? prefix : keys::pin(prefix, from),
            prefix_end(prefix)};
  for (scan.to_first(); scan.valid() && found.size() < limit; scan.next()) {
    PERDURE_TRY(body, scan.content());
    const auto inverted = keys::seq_of(scan.key());
    if (!inverted) return rows::misshapen(rows::Table::pins, scan.key());
    found.push_back({~*inverted, std::string{body}});
  }
  PERDURE_TRY_VOID(scan.status());
  return found;
}

StoreStats RocksdbStore::stats() const {
  const auto property = [this](const std::string& name) {
    std::uint64_t value = 0;
    static_cast<void>(database().db().GetAggregatedIntProperty(name, &value));
    return value;
  };
  return {.commits = commits_.load(),
          .syncs = syncs_.load(),
          .bytes_on_disk = property(rocksdb::DB::Properties::kTotalSstFilesSize) +
                           property(rocksdb::DB::Properties::kSizeAllMemTables),
          .memory_bytes = opened_.tuning.cache->GetUsage() +
                          property(rocksdb::DB::Properties::kEstimateTableReadersMem)};
}

}  // namespace perdure::storage
