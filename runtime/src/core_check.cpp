// SPDX-License-Identifier: Apache-2.0
// What must hold of a runtime between two steps, whatever has happened to it.
#include <algorithm>
#include <map>
#include <set>

#include "core.hpp"
#include "going_along.hpp"
#include "index_keys.hpp"
#include "perdure/runtime/journal_check.hpp"
#include "quota.hpp"
#include "row_check.hpp"
#include "stream_memory.hpp"

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

/// The rows of an object's streams follow each other, and what is closed of them is counted. Gives
/// how much that is.
std::uint64_t check_streams(const storage::Store& store, const ObjectId& object) {
  std::uint64_t closed = 0;
  const auto names = runtime::stream_names(store, object);
  PERDURE_CHECK(names, "the streams of " + to_string(object) + " cannot be read");
  for (const auto& name : *names) {
    const auto tail = runtime::load_tail(store, object, name);
    PERDURE_CHECK(tail, "the end of stream " + name + " cannot be read");
    std::uint64_t offset = 0;
    while (offset + 1 < tail->next) {
      const auto items = runtime::items_after(store, object, name, offset, rows_max);
      PERDURE_CHECK(items && !items->empty(), "stream " + name + " has a gap");
      offset = items->back().offset;
    }
    closed += tail->closed_bytes;
  }
  const auto counted = store.count(runtime::stream_count(object));
  PERDURE_CHECK(counted && *counted == closed,
                "the count of the bytes of the streams of " + to_string(object) + " is off");
  return closed;
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
  owners[meta.origin->owner.text()] +=
      version.root_bytes + *entries + check_streams(store, meta.object());
}

void check_bytes(const storage::Store& store, const std::map<std::string, std::uint64_t>& owners) {
  for (const auto& [owner, bytes] : owners) {
    const auto count = store.count(runtime::byte_count(owner));
    PERDURE_CHECK(count && *count == bytes, "the count of the bytes of " + owner + " is off");
  }
}

}  // namespace

void Runtime::Core::check_invariants() const {
  directory_.check_invariants();
  committer_.check_invariants();
  intake_.once().check_invariants();
  if (reads_) reads_->check_invariants();
  flows_.waits().check_invariants();
  purger_.check_invariants();
  letter_bound_.check_invariants();
  times_.check_invariants();
  streams_.check_invariants();
  signals_.check_invariants();
}

void Runtime::Core::check_store(const std::vector<ObjectId>& objects) {
  const auto& store = *foundation_.store;
  const LockPardon pardon;  // what is in memory is compared with the store
  check_invariants();
  if (flights_.over()) {
    PERDURE_CHECK(intake_.once().in_flight() == 0,
                  "an idempotency key is in flight without a call");
  }
  std::map<std::string, IndexRows> owners;
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& object : objects) {
    const auto* kind = kinds_.find(object.kind);
    const auto last = store.last_record(object);
    PERDURE_CHECK(last, "the last record of " + to_string(object) + " cannot be read");
    if (kind == nullptr || !*last) continue;
    check_journal(store, object, **last);
    const auto version = runtime::decode_version(*kind, object, **last);
    PERDURE_CHECK(version, "the last record of " + to_string(object) + " cannot be understood");
    if ((*version)->purged()) continue;
    if (counts_all_) add_bytes(store, **version, bytes);
    owners[object.kind].emplace(runtime::index_names::by_owner,
                                runtime::owner_key((*version)->meta.origin->owner.text()),
                                object.id);
  }
  if (counts_all_) check_counts(store, owners);
  if (counts_all_) check_bytes(store, bytes);
  const auto report = runtime::check_rows(
      store, kinds_.all(), lists(), row_names_, intake_.claims_at(),
      [&](const std::string& kind, const runtime::VisitObject& visit) -> Result<void> {
        for (const auto& object : objects) {
          if (object.kind == kind) PERDURE_TRY_VOID(visit(object));
        }
        return {};
      });
  PERDURE_CHECK(report, "the rows cannot be read");
  PERDURE_CHECK(report->findings.empty(), report->findings.front());
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
