// SPDX-License-Identifier: Apache-2.0
#include "quota.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "index_keys.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/runtime/kind.hpp"
#include "perdure/storage/raised.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

namespace {

constexpr std::string_view prefix = "objects.";
constexpr std::string_view bytes_prefix = "bytes.";
/// Once all objects of the store have been counted 1, and the epoch in which their bytes were.
constexpr std::string_view counted = "objects_counted";
constexpr std::string_view bytes_counted = "bytes_counted";
constexpr std::size_t counts_at_once = 1'000;

/// Visits all objects of a kind, live and deleted, by their rows in the index by owner.
Result<void> each_object(const storage::Store& store, const std::string& kind,
                         const std::function<Result<void>(const storage::IndexRow&)>& visit) {
  constexpr std::size_t rows_at_once = 1'000;
  std::optional<storage::IndexRow> after;
  for (;;) {
    PERDURE_TRY(rows, store.index(kind, index_names::by_owner, {.limit = rows_at_once}, after));
    for (const auto& row : rows) PERDURE_TRY_VOID(visit(row));
    if (rows.size() < rows_at_once) return {};
    after = std::move(rows.back());
  }
}

std::optional<std::uint64_t> most_of_kind(const Quotas& quotas, std::string_view kind) {
  const auto found = quotas.objects_of_kind.find(kind);
  return found == quotas.objects_of_kind.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

std::string object_count(std::string_view kind, std::string_view owner) {
  std::string name{prefix};
  name += kind;
  name += '\0';
  name += owner;
  return name;
}

std::optional<std::string> owner_of(const Version& version) {
  if (version.meta.seq == 0 || version.purged()) return {};
  return version.meta.origin->owner.text();
}

std::vector<storage::CountChange> object_counts(const std::optional<std::string>& before,
                                                const std::optional<std::string>& after,
                                                const std::string& kind, const Principal& principal,
                                                const Quotas& quotas) {
  std::vector<storage::CountChange> counts;
  if (before == after) return counts;
  if (before) {
    counts.push_back({object_count("", *before), -1});
    counts.push_back({object_count(kind, *before), -1});
  }
  if (after) {
    counts.push_back({object_count("", *after), 1});
    counts.push_back({object_count(kind, *after), 1});
    if (!is_privileged(principal)) {
      counts[counts.size() - 2].most = quotas.objects;
      counts.back().most = most_of_kind(quotas, kind);
    }
  }
  return counts;
}

std::string byte_count(std::string_view owner) { return std::string{bytes_prefix}.append(owner); }

std::string entry_count(const ObjectId& object) {
  std::string name{"entry_bytes."};
  name += object.kind;
  name += '\0';
  name += object.id;
  return name;
}

void add_byte_counts(storage::WriteSet& write_set, const ObjectBytes& before,
                     const ObjectBytes& after, const Principal& principal, const Quotas& quotas) {
  std::map<std::string, std::int64_t> changes;
  if (before.owner) {
    changes[byte_count(*before.owner)] -= static_cast<std::int64_t>(before.root + before.entries);
  }
  if (after.owner) {
    changes[byte_count(*after.owner)] += static_cast<std::int64_t>(after.root + after.entries);
  }
  for (auto& [name, by] : changes) {
    if (by == 0) continue;
    storage::CountChange change{name, by};
    if (by > 0 && !is_privileged(principal)) change.most = quotas.bytes;
    write_set.counts.push_back(std::move(change));
  }
  if (after.entries == before.entries) return;
  write_set.counts.push_back(
      {entry_count(write_set.object),
       static_cast<std::int64_t>(after.entries) - static_cast<std::int64_t>(before.entries)});
}

Result<void> add_byte_counts(const Draft& draft, std::size_t root_bytes, std::int64_t entry_bytes,
                             storage::WriteSet& write_set) {
  const bool begins = draft.before.meta.origin != draft.meta.origin;
  if (!begins && entry_bytes == 0 && root_bytes == draft.before.root_bytes) return {};
  ObjectBytes before{.owner = owner_of(draft.before), .root = draft.before.root_bytes};
  if (entry_bytes != 0 || (begins && before.owner)) {
    PERDURE_TRY(entries, draft.around.tally.entry_bytes(draft.around.store, draft.meta.object()));
    before.entries = entries;
  }
  const auto earlier = begins ? std::int64_t{0} : static_cast<std::int64_t>(before.entries);
  const ObjectBytes after{.owner = draft.meta.origin->owner.text(),
                          .root = root_bytes,
                          .entries = static_cast<std::uint64_t>(earlier + entry_bytes)};
  add_byte_counts(write_set, before, after, draft.envelope.call.principal,
                  draft.around.rules.quotas);
  return {};
}

namespace {

Error explain_bytes(const Quotas& quotas, Error error) {
  error.detail = fmt::format(
      "states and entries of the owner's objects would have more than {} bytes, which is its disk "
      "share (quotas.bytes); what is deleted counts until it is purged",
      quotas.bytes);
  error.fields = {{"quotas.bytes", "quota", fmt::format("is {}", quotas.bytes)}};
  return error;
}

}  // namespace

Error explain_quota(const Quotas& quotas, Error error) {
  if (error.code == ErrorCode::quota_exceeded && error.detail.starts_with(bytes_prefix)) {
    return explain_bytes(quotas, std::move(error));
  }
  if (error.code != ErrorCode::quota_exceeded || !error.detail.starts_with(prefix)) return error;
  const auto kind = error.detail.substr(prefix.size(), error.detail.find('\0') - prefix.size());
  const auto most = kind.empty() ? quotas.objects : most_of_kind(quotas, kind).value_or(0);
  const auto setting = kind.empty() ? std::string{"quotas.objects"} : "quotas." + kind + "s";
  error.detail = fmt::format(
      "the owner has {} {}, which is its quota ({}); what is deleted counts until it is purged",
      most, kind.empty() ? "objects" : "objects of kind " + kind, setting);
  error.fields = {{setting, "quota", fmt::format("is {}", most)}};
  return error;
}

Result<void> count_objects(storage::Store& store, const std::vector<Kind>& kinds, Timestamp now) {
  PERDURE_TRY(done, store.count(counted));
  if (done > 0) return {};
  std::map<std::string, std::uint64_t> names;
  for (const auto& kind : kinds) {
    std::map<std::string, std::uint64_t> owners;
    PERDURE_TRY_VOID(each_object(store, kind.name(), [&](const storage::IndexRow& row) {
      ++owners[row.key];
      return Result<void>{};
    }));
    for (const auto& [key, objects] : owners) {
      PERDURE_TRY(owner, owner_from_key(key));
      names[object_count("", owner)] += objects;
      names[object_count(kind.name(), owner)] += objects;
    }
  }
  if (names.empty()) return {};  // so all that ever comes is counted; the next start sees to it
  storage::Unit unit{{{.object = {"$runtime", "counts"}, .epoch = store.epoch()}}};
  auto& counts = unit.write_sets.front().counts;
  for (const auto& [name, objects] : names) {
    PERDURE_TRY(known, store.count(name));
    const auto more = static_cast<std::int64_t>(objects) - static_cast<std::int64_t>(known);
    if (more != 0) counts.push_back({name, more});
  }
  counts.push_back({std::string{counted}, 1});
  const auto outcome = store.commit({&unit, 1}, now);
  if (!outcome.front()) return fail(outcome.front().error());
  return {};
}

Result<std::uint64_t> measure_entries(const storage::Store& store, const ObjectId& object,
                                      Seq born_seq) {
  std::uint64_t bytes = 0;
  storage::KeyRange range{.limit = 1'000, .bytes_max = 1u << 20};
  for (;;) {
    PERDURE_TRY(rows, store.entries(object, range));
    if (rows.empty()) return bytes;
    for (const auto& row : rows) {
      if (row.seq >= born_seq) bytes += row.key.size() + row.value.size();
    }
    range.from = rows.back().key + '\1';
  }
}

namespace {

/// An object as it is at rest.
Result<ObjectBytes> measure(const storage::Store& store, const ObjectId& object) {
  PERDURE_TRY(last, store.last_record(object));
  if (!last) return ObjectBytes{};
  PERDURE_TRY(record, decode_record(object, *last));
  PERDURE_TRY(entries, measure_entries(store, object, record.meta.origin->born_seq));
  return ObjectBytes{
      .owner = record.meta.origin->owner.text(), .root = record.root.size(), .entries = entries};
}

/// Makes counts what they should be, some at a time.
class Recount {
 public:
  Recount(storage::Store& store, Timestamp now) : store_(store), now_(now) {}

  Result<void> set(std::string name, std::uint64_t to) {
    PERDURE_TRY(known, store_.count(name));
    const auto more = static_cast<std::int64_t>(to) - static_cast<std::int64_t>(known);
    if (more != 0) counts_.push_back({std::move(name), more});
    return counts_.size() < counts_at_once ? Result<void>{} : commit();
  }
  Result<void> commit() {
    if (counts_.empty()) return {};
    storage::Unit unit{{{.object = {"$runtime", "counts"}, .epoch = store_.epoch()}}};
    unit.write_sets.front().counts = std::exchange(counts_, {});
    const auto outcome = store_.commit({&unit, 1}, now_);
    if (!outcome.front()) return fail(outcome.front().error());
    return {};
  }

 private:
  storage::Store& store_;
  const Timestamp now_;
  std::vector<storage::CountChange> counts_;
};

}  // namespace

Result<void> count_bytes(storage::Store& store, const std::vector<Kind>& kinds, Timestamp now) {
  PERDURE_TRY(done, store.count(bytes_counted));
  PERDURE_TRY(raised, store.count(storage::raised_count));
  if (done > 0 && done >= raised) return {};
  Recount recount{store, now};
  std::map<std::string, std::uint64_t> owners;
  for (const auto& kind : kinds) {
    if (store.epoch() == 1) break;  // what this opening has made holds nothing
    PERDURE_TRY_VOID(
        each_object(store, kind.name(), [&](const storage::IndexRow& row) -> Result<void> {
          const ObjectId object{kind.name(), row.id};
          const auto measured = measure(store, object);
          // What is damaged takes no part: else each start would read all others again.
          if (!measured && measured.error().code == ErrorCode::corrupt) return {};
          if (!measured) return fail(measured.error());
          if (measured->owner) owners[*measured->owner] += measured->root + measured->entries;
          return recount.set(entry_count(object), measured->entries);
        }));
  }
  for (const auto& [owner, bytes] : owners) PERDURE_TRY_VOID(recount.set(byte_count(owner), bytes));
  PERDURE_TRY_VOID(recount.set(std::string{bytes_counted}, store.epoch()));
  return recount.commit();
}

}  // namespace perdure::runtime
