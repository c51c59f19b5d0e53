// SPDX-License-Identifier: Apache-2.0
#include "derived_rows.hpp"

#include "index_keys.hpp"
#include "list_build.hpp"

namespace perdure::runtime {

namespace {

/// The form of index rows that this version writes: text whole, in Normalization Form C. 0 stands
/// for its first 512 bytes as they were.
constexpr std::uint64_t present_form = 1;
constexpr std::size_t rows_at_once = 1'000;
constexpr std::size_t unit_bytes_max = 1u << 20;

/// The count that says in which form the index rows of a kind are.
std::string form_count(const std::string& kind) {
  std::string name{"index_form"};
  name += '\0';
  return name + kind;
}

/// Changes of rows on their way to the store, which takes many at once.
class RowChanges {
 public:
  RowChanges(storage::Store& store, Timestamp now) : store_(store), now_(now) {}

  Result<void> add(storage::WriteSet write_set) {
    for (const auto& change : write_set.indexes) bytes_ += change.key.size();
    unit_.write_sets.push_back(std::move(write_set));
    return bytes_ < unit_bytes_max ? Result<void>{} : commit();
  }

  Result<void> commit() {
    if (unit_.write_sets.empty()) return {};
    auto outcome = std::move(store_.commit({&unit_, 1}, now_).front());
    unit_.write_sets.clear();
    bytes_ = 0;
    if (!outcome) return fail(std::move(outcome).error());
    return {};
  }

 private:
  storage::Store& store_;
  const Timestamp now_;
  storage::Unit unit_;
  std::size_t bytes_ = 0;
};

Result<void> change_rows(const KindDefinition& kind, const ObjectId& object, storage::Store& store,
                         RowChanges& changes) {
  const auto version = load_version(kind, object, store);
  if (!version) {
    const auto code = version.error().code;
    if (code == ErrorCode::corrupt || code == ErrorCode::newer_version) return {};
    return fail(version.error());
  }
  auto rows = index_changes(kind, **version, index_keys(kind, **version));
  if (rows.empty()) return {};
  return changes.add({.object = object,
                      .epoch = store.epoch(),
                      .expected_seq = (*version)->meta.seq,
                      .indexes = std::move(rows)});
}

}  // namespace

Result<void> each_object(const storage::Store& store, const std::string& kind,
                         const std::function<Result<void>(const storage::IndexRow&)>& visit) {
  std::optional<storage::IndexRow> after;
  for (;;) {
    PERDURE_TRY(rows, store.index(kind, index_names::by_owner, {.limit = rows_at_once}, after));
    for (const auto& row : rows) PERDURE_TRY_VOID(visit(row));
    if (rows.size() < rows_at_once) return {};
    after = std::move(rows.back());
  }
}

Result<void> bring_indexes_up_to_date(storage::Store& store, const std::vector<Kind>& kinds,
                                      Timestamp now) {
  // A store that this opening has made holds no rows.
  const bool is_new = store.epoch() == 1;
  RowChanges changes{store, now};
  for (const auto& kind : kinds) {
    if (kind.definition().indexes.empty()) continue;
    PERDURE_TRY(form, store.count(form_count(kind.name())));
    if (form >= present_form) continue;
    if (!is_new) {
      PERDURE_TRY_VOID(each_object(store, kind.name(), [&](const storage::IndexRow& row) {
        return change_rows(kind.definition(), {kind.name(), row.id}, store, changes);
      }));
    }
    // After the rows, in the same commit as the last of them.
    storage::WriteSet done{.object = {"$runtime", "counts"}, .epoch = store.epoch()};
    done.counts.push_back(
        {form_count(kind.name()), static_cast<std::int64_t>(present_form - form)});
    PERDURE_TRY_VOID(changes.add(std::move(done)));
    if (!is_new) PERDURE_TRY_VOID(changes.commit());
  }
  PERDURE_TRY_VOID(changes.commit());
  return bring_lists_up_to_date(store, kinds, now);
}

}  // namespace perdure::runtime
