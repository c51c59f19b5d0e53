// SPDX-License-Identifier: Apache-2.0
// What must hold of a runtime between two steps, whatever has happened to it.
#include <algorithm>
#include <map>
#include <set>

#include "core.hpp"
#include "going_along.hpp"
#include "index_keys.hpp"
#include "list_rows.hpp"
#include "perdure/runtime/journal_check.hpp"
#include "quota.hpp"

namespace perdure {

namespace {

using runtime::VersionPtr;
using storage::RecordRow;

/// (index, key, id): the rows of one kind.
using IndexRows = std::set<std::tuple<std::string, std::string, std::string>>;

constexpr std::size_t rows_max = 1'000'000;

/// The journal from the floor on is dense, and each record continues the one before it.
void check_journal(const storage::Store& store, const ObjectId& object, const RecordRow& last) {
  const auto floor = store.floor(object);
  const auto rows =
      store.journal(object, 1, storage::newest, storage::Direction::forward, rows_max);
  PERDURE_CHECK(floor && rows, "the journal of " + to_string(object) + " cannot be read");
  PERDURE_CHECK(!rows->empty() && rows->back().seq == last.seq,
                "the journal of " + to_string(object) + " does not end with the last record");
  std::optional<RecordRow> previous;
  for (const auto& row : *rows) {
    const bool follows = previous && previous->seq + 1 == row.seq;
    PERDURE_CHECK(follows || row.seq <= *floor || *floor > last.seq || !previous,
                  "a gap in the journal of " + to_string(object));
    const auto wrong = journal_check()(object, row, follows ? previous : std::nullopt);
    PERDURE_CHECK(wrong.empty(), wrong);
    previous = row;
  }
  // Without pins, what is kept begins at the floor.
  PERDURE_CHECK(rows->front().seq <= std::max<Seq>(*floor, 1),
                "records above the floor of " + to_string(object) + " are gone");
}

IndexRows rows_of(const storage::Store& store, const std::string& kind,
                  const std::set<std::string>& indexes) {
  IndexRows rows;
  for (const auto& index : indexes) {
    const auto found = store.index(kind, index, {.limit = rows_max}, {});
    PERDURE_CHECK(found, "index " + index + " of " + kind + " cannot be read");
    for (const auto& row : *found) rows.emplace(index, row.key, row.id);
  }
  return rows;
}

/// The counts of the owners' objects are those of the index of owners.
void check_counts(const storage::Store& store, const std::map<std::string, IndexRows>& wanted) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [kind, rows] : wanted) {
    for (const auto& [index, key, id] : rows) {
      if (index != runtime::index_names::by_owner) continue;
      const auto owner = runtime::owner_from_key(key);
      PERDURE_CHECK(owner, "the owner of " + id + " cannot be read");
      ++counts[runtime::object_count(kind, *owner)];
      ++counts[runtime::object_count("", *owner)];
    }
  }
  for (const auto& [name, objects] : counts) {
    const auto count = store.count(name);
    PERDURE_CHECK(count && *count == objects, "the count " + name + " is off");
  }
}

/// Adds the bytes of an object to its owner's, and checks what is counted of its entries.
void add_bytes(const storage::Store& store, const runtime::Version& version,
               std::map<std::string, std::uint64_t>& owners) {
  if (version.purged()) return;
  const auto& meta = version.meta;
  const auto entries = runtime::measure_entries(store, meta.object(), meta.origin->born_seq);
  const auto counted = store.count(runtime::entry_count(meta.object()));
  PERDURE_CHECK(entries && counted && *entries == *counted,
                "the count of the bytes of the entries of " + to_string(meta.object()) + " is off");
  owners[meta.origin->owner.text()] += version.root_bytes + *entries;
}

void check_bytes(const storage::Store& store, const std::map<std::string, std::uint64_t>& owners) {
  for (const auto& [owner, bytes] : owners) {
    const auto count = store.count(runtime::byte_count(owner));
    PERDURE_CHECK(count && *count == bytes, "the count of the bytes of " + owner + " is off");
  }
}

/// Adds the rows of an object's lists, and what they count.
void add_listed(const KindDefinition& kind, const ListLayout& layout,
                const runtime::Version& version, IndexRows& rows,
                std::map<std::string, std::int64_t>& counts) {
  if (version.purged()) return;
  const Json root = kind.state.encode(version.state.get());
  const runtime::ObjectForm form{version.meta, root};
  storage::WriteSet made;
  runtime::change_lists(kind, layout, nullptr, &form, made);
  for (const auto& row : made.indexes) rows.emplace(row.index, row.key, version.meta.object().id);
  for (const auto& count : made.counts) counts[count.name] += count.by;
}

void check_list_counts(const storage::Store& store,
                       const std::map<std::string, std::int64_t>& wanted) {
  for (const auto& [name, items] : wanted) {
    const auto count = store.count(name);
    PERDURE_CHECK(count && *count == static_cast<std::uint64_t>(items),
                  "the count " + name + " of a list is off");
  }
}

std::set<std::string> index_names_of(const KindDefinition& kind, const ListLayout* layout) {
  namespace names = runtime::index_names;
  std::set<std::string> indexes;
  for (const auto own : {names::by_id, names::deleted, names::deleted_by_id, names::deleted_at,
                         names::by_owner, names::by_reader, names::went_along}) {
    indexes.emplace(own);
  }
  for (const auto& reference : kind.references) {
    indexes.insert(runtime::along_index(reference.field));
  }
  for (const auto& index : kind.indexes) indexes.insert(index.name);
  for (const auto& purge : kind.purges) indexes.insert(runtime::purge_index(purge));
  if (layout != nullptr) {
    for (auto& index : layout->indexes()) indexes.insert(std::move(index));
  }
  return indexes;
}

}  // namespace

void Runtime::Core::check_invariants() const {
  directory_.check_invariants();
  committer_.check_invariants();
}

void Runtime::Core::check_store(const std::vector<ObjectId>& objects) {
  const auto& store = *foundation_.store;
  check_invariants();
  if (directory_.in_flight() == 0 && transactions_.load() == 0) {
    PERDURE_CHECK(once_.in_flight() == 0, "an idempotency key is in flight without a call");
  }
  std::map<std::string, IndexRows> wanted;
  std::map<std::string, std::int64_t> list_counts;
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& object : objects) {
    const auto* kind = find_kind(object.kind);
    const auto last = store.last_record(object);
    PERDURE_CHECK(last, "the last record of " + to_string(object) + " cannot be read");
    if (kind == nullptr || !*last) continue;
    check_journal(store, object, **last);
    const auto version = runtime::decode_version(*kind, object, **last);
    PERDURE_CHECK(version, "the last record of " + to_string(object) + " cannot be understood");
    if (counts_all_) add_bytes(store, **version, bytes);
    for (const auto& row : runtime::index_keys(*kind, **version)) {
      wanted[object.kind].emplace(row.index, row.key, object.id);
    }
    if (const auto* layout = lists().find(*kind)) {
      add_listed(*kind, *layout, **version, wanted[object.kind], list_counts);
    }
  }
  for (const auto& [name, kind] : kinds_by_name_) {
    const auto rows = rows_of(store, name, index_names_of(*kind, lists().find(*kind)));
    for (const auto& [index, key, id] : wanted[name]) {
      PERDURE_CHECK(rows.contains({index, key, id}),
                    "index " + index + " of " + name + " misses " + id);
    }
    for (const auto& [index, key, id] : rows) {
      PERDURE_CHECK(wanted[name].contains({index, key, id}),
                    "index " + index + " of " + name + " has a row of " + id + " too many");
    }
  }
  if (counts_all_) check_counts(store, wanted);
  if (counts_all_) check_bytes(store, bytes);
  check_list_counts(store, list_counts);
  if (is_between_epochs()) return;  // what is in memory is of the epoch before
  for (const auto& version : directory_.committed_versions()) {
    const auto& object = version->meta.object();
    const auto last = store.last_record(object);
    PERDURE_CHECK(last, to_string(object));
    PERDURE_CHECK(version->meta.seq == (*last ? (*last)->seq : 0),
                  "the committed version of " + to_string(object) + " is not the durable one");
  }
  agenda_.check_invariants();
}

}  // namespace perdure
