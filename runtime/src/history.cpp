// SPDX-License-Identifier: Apache-2.0
#include "history.hpp"

#include <fmt/format.h>

#include "index_keys.hpp"

namespace perdure::runtime {

storage::IndexRead existence_of(const ObjectId& object) {
  // A row of the index of live objects is enough: a record holds the whole state. Ids hold no
  // control characters, so nothing stands between the id and the mark behind it.
  return {.kind = object.kind,
          .index = std::string{index_names::by_id},
          .range = {.direction = storage::Direction::backward, .limit = 1},
          .after = storage::IndexRow{.key = {}, .id = object.id + '\x01'}};
}

bool is_existing(const ObjectId& object, const storage::ReadAnswer& answer) {
  const auto& rows = std::get<Result<std::vector<storage::IndexRow>>>(answer);
  return !rows || (!rows->empty() && rows->front().id == object.id);
}

bool object_exists(const storage::Store& store, const Directory& directory,
                   const ObjectId& object) {
  if (!validate(object)) return false;
  if (const auto version = directory.peek(object, store.epoch())) return version->meta.exists();
  const auto read = existence_of(object);
  return is_existing(object, store.index(read.kind, read.index, read.range, read.after));
}

namespace {

Unexpected no_object(const ObjectId& object) {
  return fail(ErrorCode::not_found, fmt::format("there is no {} {}", object.kind, object.id));
}

Unexpected below_history(const ObjectId& object, Seq floor) {
  return fail(ErrorCode::gone,
              fmt::format("the history of {} begins at seq {}", to_string(object), floor));
}

Result<Timestamp> time_at(const storage::Store& store, const ObjectId& object, Seq seq) {
  PERDURE_TRY(row, store.record(object, seq));
  PERDURE_TRY(record, decode_record(object, row));
  return record.meta.updated_at;
}

Result<Seq> seq_at(const storage::Store& store, const ObjectId& object, const Record& last,
                   Timestamp time) {
  if (time >= last.meta.updated_at) return last.meta.seq;
  PERDURE_TRY(floor, store.floor(object));
  const Seq first = std::max(floor, last.meta.origin->born_seq);
  PERDURE_TRY(oldest, time_at(store, object, first));
  if (time < oldest) {
    if (first > last.meta.origin->born_seq) return below_history(object, first);
    return no_object(object);
  }
  Seq low = first;           // at or before `time`
  Seq high = last.meta.seq;  // after it
  while (low + 1 < high) {
    const Seq middle = low + (high - low) / 2;
    PERDURE_TRY(at, time_at(store, object, middle));
    (at <= time ? low : high) = middle;
  }
  return low;
}

// A stored state with the members that the kind has by now, as its next turn would write it. One
// that the kind cannot read stays as it is: who looks at it has to see what is to be mended.
Json as_written_today(const KindDefinition& kind, Json root) {
  if (root.is_null()) return root;
  try {
    return kind.state.encode(kind.state.decode(root).get());
  } catch (const std::exception&) {
    return root;
  }
}

}  // namespace

Result<Record> record_as_of(const storage::Store& store, const ObjectId& object,
                            const AsOf& as_of) {
  PERDURE_TRY(row, store.last_record(object));
  if (!row) return no_object(object);
  PERDURE_TRY(last, decode_record(object, *row));
  Seq seq = last.meta.seq;
  if (const auto* given = std::get_if<Seq>(&as_of)) seq = *given;
  if (const auto* time = std::get_if<Timestamp>(&as_of)) {
    PERDURE_TRY(found, seq_at(store, object, last, *time));
    seq = found;
  }
  if (seq > last.meta.seq || seq < last.meta.origin->born_seq) {
    return fail(ErrorCode::not_found, fmt::format("{} has no seq {}", to_string(object), seq));
  }
  if (seq < last.meta.seq) {
    PERDURE_TRY(older, store.record(object, seq));
    PERDURE_TRY(decoded, decode_record(object, older));
    last = std::move(decoded);
  }
  if (last.meta.deleted_at) return no_object(object);
  return std::move(last);
}

Result<SnapshotInfo> decode_snapshot(const ObjectId& object, const storage::PinRow& row) {
  const auto body = parse_stored_json(row.body);
  const auto text = [&](const char* member) {
    const bool there = body && body->is_object() && body->contains(member);
    const auto& value = there ? body->at(member) : Json();
    return value.is_string() ? value.get<std::string>() : std::string{};
  };
  const auto at = parse_rfc3339(text("created_at"));
  if (!at) {
    return fail(ErrorCode::corrupt,
                fmt::format("the snapshot {} of {} cannot be read", row.seq, to_string(object)));
  }
  return SnapshotInfo{row.seq, text("name"), *at, text("created_by")};
}

Result<Seq> resolve_as_of(const storage::Store& store, const ObjectId& object, const AsOf& as_of) {
  PERDURE_TRY(record, record_as_of(store, object, as_of));
  return record.meta.seq;
}

Result<ObjectView> view_at(const storage::Store& store, const Directory& directory,
                           const KindDefinition& kind, const ObjectId& object, Seq seq) {
  if (const auto newest = directory.peek(object, store.epoch());
      newest && newest->meta.seq == seq) {
    return ObjectView{newest->meta, newest->purged() ? Json(nullptr) : root_of(kind, *newest)};
  }
  PERDURE_TRY(row, store.record(object, seq));
  PERDURE_TRY(record, decode_record(object, row));
  if (record.root.empty()) return ObjectView{.meta = record.meta, .state = nullptr};
  return view_record(kind, record);
}

Result<ObjectView> view_record(const KindDefinition& kind, const Record& record) {
  PERDURE_TRY(root, decode_root(kind, record));
  ObjectView view{.meta = record.meta, .state = as_written_today(kind, std::move(root))};
  view.meta.is_provisional = durability_of(kind, record.command) != Durability::sync;
  return view;
}

}  // namespace perdure::runtime
