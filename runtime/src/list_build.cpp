// SPDX-License-Identifier: Apache-2.0
#include "list_build.hpp"

#include <algorithm>
#include <array>

#include "index_keys.hpp"
#include "perdure/base/codec.hpp"

namespace perdure::runtime {

namespace {

/// Indexes that kinds with lists had in versions up to 0.1.0, where nothing says which there were.
constexpr std::array earlier_indexes{"title",      "tag_title", "tag_updated_at", "updated_at",
                                     "created_at", "status",    "type",           "queue",
                                     "all_status", "all_type",  "all_queue",      "all_created_at"};
constexpr std::size_t objects_at_once = 1'000;
constexpr std::size_t unit_bytes_max = 1u << 20;
constexpr std::string_view progress_kind = "$runtime";
constexpr std::string_view progress_index = "lists";

std::string progress_key(const std::string& kind) { return kind + '\0'; }

/// What of the rules rows depend on, as text. None: there are no lists.
std::string text_of(const ListRules& rules) {
  if (rules.sorts.empty()) return {};
  Json filters = Json::array();
  for (const auto& filter : rules.filters) {
    filters.push_back({filter.name, filter.field, static_cast<int>(filter.compare)});
  }
  Json sorts = Json::array();
  for (const auto& sort : rules.sorts) sorts.push_back({sort.field, sort.name, sort.order});
  return dump_json({{"form", 1},
                    {"filters", std::move(filters)},
                    {"sorts", std::move(sorts)},
                    {"across", static_cast<int>(rules.across)}});
}

ListRules rules_of(const std::string& text) {
  ListRules rules;
  if (text.empty()) return rules;
  const auto json = Json::parse(text);
  for (const auto& filter : json.at("filters")) {
    rules.filters.push_back({.name = filter.at(0),
                             .field = filter.at(1),
                             .compare = static_cast<ListFilter::Compare>(filter.at(2).get<int>())});
  }
  for (const auto& sort : json.at("sorts")) {
    rules.sorts.push_back({.field = sort.at(0),
                           .name = sort.at(1),
                           .order = sort.at(2).get<std::vector<std::string>>()});
  }
  rules.across = static_cast<ListRules::Across>(json.at("across").get<int>());
  return rules;
}

/// How far the rows of a kind are: those of objects up to `at` (in the index by owner) are by the
/// rules `to`, the others by `from`.
struct Progress {
  std::string from;
  std::string to;
  std::optional<storage::IndexRow> at = {};
  std::vector<std::string> indexes = {};  ///< beside lists, that may have rows
};

bool is_declared(const KindDefinition& kind, const std::string& index) {
  return std::ranges::find(kind.indexes, index, &IndexDefinition::name) != kind.indexes.end();
}

std::vector<std::string> names_of(const std::vector<IndexDefinition>& indexes) {
  std::vector<std::string> names;
  for (const auto& index : indexes) names.push_back(index.name);
  return names;
}

std::string encode(const Progress& progress) {
  std::string value;
  put_bytes(value, progress.from);
  put_bytes(value, progress.to);
  put_bytes(value, progress.at ? progress.at->key : std::string{});
  put_bytes(value, progress.at ? progress.at->id : std::string{});
  for (const auto& index : progress.indexes) put_bytes(value, index);
  return value;
}

Result<Progress> read_progress(const storage::Store& store, const std::string& kind) {
  const auto key = progress_key(kind);
  PERDURE_TRY(rows, store.index(progress_kind, progress_index,
                                {.from = key, .until = storage::prefix_end(key)}));
  Progress progress;
  if (rows.empty()) {
    progress.indexes.assign(earlier_indexes.begin(), earlier_indexes.end());
    return progress;
  }
  Reader in{rows.front().value};
  progress.from = in.bytes();
  progress.to = in.bytes();
  storage::IndexRow at;
  at.key = in.bytes();
  at.id = in.bytes();
  while (!in.failed() && !in.rest().empty()) progress.indexes.emplace_back(in.bytes());
  if (in.failed()) return fail(ErrorCode::corrupt, "the progress of lists cannot be read");
  if (!at.id.empty()) progress.at = std::move(at);
  return progress;
}

storage::WriteSet write(const storage::Store& store, const std::string& kind,
                        const Progress& progress) {
  storage::WriteSet written{.object = {std::string{progress_kind}, "lists"},
                            .epoch = store.epoch()};
  written.indexes.push_back({storage::IndexChange::Op::put, std::string{progress_index},
                             progress_key(kind), encode(progress)});
  return written;
}

/// Takes the rows of one kind from one set of rules to another.
class Build {
 public:
  Build(storage::Store& store, const KindDefinition& kind, Progress progress, Timestamp now)
      : store_(store),
        kind_(kind),
        from_(rules_of(progress.from)),
        to_(rules_of(progress.to)),
        progress_(std::move(progress)),
        now_(now) {}

  Result<void> run() {
    for (;;) {
      PERDURE_TRY(rows, store_.index(kind_.name, index_names::by_owner, {.limit = objects_at_once},
                                     progress_.at));
      for (auto& row : rows) {
        PERDURE_TRY_VOID(change({kind_.name, row.id}));
        progress_.at = std::move(row);
        if (bytes_ >= unit_bytes_max) PERDURE_TRY_VOID(commit());
      }
      if (rows.size() < objects_at_once) break;
    }
    progress_.from = progress_.to;
    progress_.at.reset();
    return commit();
  }

  /// Erases the rows of indexes that the kind declares no more.
  Result<void> forget_indexes() {
    const auto gone = std::ranges::partition(
        progress_.indexes, [&](const auto& index) { return is_declared(kind_, index); });
    for (const auto& index : gone) {
      for (;;) {
        PERDURE_TRY(rows, store_.index(kind_.name, index, {.limit = objects_at_once}));
        if (rows.empty()) break;
        for (auto& row : rows) PERDURE_TRY_VOID(erase(index, row));
        PERDURE_TRY_VOID(commit());
      }
    }
    progress_.indexes = names_of(kind_.indexes);
    return commit();
  }

 private:
  Result<void> change(const ObjectId& object) {
    const auto loaded = load_version(kind_, object, store_);
    if (!loaded) {
      const auto code = loaded.error().code;
      if (code == ErrorCode::corrupt || code == ErrorCode::newer_version) return {};
      return fail(loaded.error());
    }
    const auto& version = **loaded;
    if (version.purged()) return {};
    const Json root = kind_.state.encode(version.state.get());
    const ObjectForm form{version.meta, root};
    storage::WriteSet changes{
        .object = object, .epoch = store_.epoch(), .expected_seq = version.meta.seq};
    change_lists(kind_, from_, &form, nullptr, changes);
    change_lists(kind_, to_, nullptr, &form, changes);
    for (const auto& row : changes.indexes) bytes_ += row.key.size() + row.value.size();
    unit_.write_sets.push_back(std::move(changes));
    return {};
  }

  Result<void> erase(const std::string& index, storage::IndexRow& row) {
    const ObjectId object{kind_.name, row.id};
    PERDURE_TRY(last, store_.last_record(object));
    storage::WriteSet change{
        .object = object, .epoch = store_.epoch(), .expected_seq = last ? last->seq : 0};
    change.indexes.push_back({storage::IndexChange::Op::erase, index, std::move(row.key)});
    unit_.write_sets.push_back(std::move(change));
    return {};
  }

  Result<void> commit() {
    unit_.write_sets.push_back(write(store_, kind_.name, progress_));
    auto outcome = std::move(store_.commit({&unit_, 1}, now_).front());
    unit_.write_sets.clear();
    bytes_ = 0;
    if (!outcome) return fail(std::move(outcome).error());
    return {};
  }

  storage::Store& store_;
  const KindDefinition& kind_;
  const ListLayout from_;
  const ListLayout to_;
  Progress progress_;
  const Timestamp now_;
  storage::Unit unit_;
  std::size_t bytes_ = 0;
};

Result<void> bring_up_to_date(storage::Store& store, const KindDefinition& kind, Timestamp now) {
  const auto wanted = text_of(kind.lists);
  PERDURE_TRY(progress, read_progress(store, kind.name));
  if (progress.from != progress.to) {  // it was interrupted
    PERDURE_TRY_VOID((Build{store, kind, progress, now}.run()));
    progress.from = progress.to;
  }
  progress.at.reset();
  const bool has_lists = !wanted.empty() || !progress.to.empty();
  if (progress.to != wanted) {
    progress.to = wanted;
    PERDURE_TRY_VOID((Build{store, kind, progress, now}.run()));
    progress.from = wanted;
  }
  if (!has_lists || progress.indexes == names_of(kind.indexes)) return {};
  return Build{store, kind, progress, now}.forget_indexes();
}

/// A store that holds nothing yet.
Result<void> begin(storage::Store& store, const std::vector<Kind>& kinds, Timestamp now) {
  storage::Unit unit;
  for (const auto& kind : kinds) {
    const auto rules = text_of(kind.definition().lists);
    if (rules.empty()) continue;
    const Progress done{.from = rules, .to = rules, .indexes = names_of(kind.definition().indexes)};
    unit.write_sets.push_back(write(store, kind.name(), done));
  }
  if (unit.write_sets.empty()) return {};
  auto outcome = std::move(store.commit({&unit, 1}, now).front());
  if (!outcome) return fail(std::move(outcome).error());
  return {};
}

}  // namespace

Result<void> bring_lists_up_to_date(storage::Store& store, const std::vector<Kind>& kinds,
                                    Timestamp now) {
  if (store.epoch() == 1) return begin(store, kinds, now);
  for (const auto& kind : kinds) {
    PERDURE_TRY_VOID(bring_up_to_date(store, kind.definition(), now));
  }
  return {};
}

}  // namespace perdure::runtime
