// SPDX-License-Identifier: Apache-2.0
#include "succession.hpp"

#include <algorithm>

#include "index_keys.hpp"
#include "perdure/runtime/unreadable.hpp"
#include "turn_runner.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

Succession::Succession(const storage::Store& store, const std::vector<Kind>& kinds,
                       const RowNames& rows, std::function<Timestamp()> claims_at)
    : store_(store), rows_(rows), claims_at_(std::move(claims_at)) {
  for (const auto& kind : kinds) {
    if (!kind.definition().uniques.empty()) kinds_.emplace(kind.name(), &kind.definition());
  }
}

Result<void> Succession::open() {
  for (const auto& [name, kind] : kinds_) {
    PERDURE_TRY(rows, store_.index(name, index_names::duplicate, {.limit = 1}));
    if (!rows.empty()) look_at_all(*kind);
  }
  return {};
}

void Succession::built(const KindDefinition& kind) {
  if (kinds_.contains(kind.name)) look_at_all(kind);
}

void Succession::look_at_all(const KindDefinition& kind) {
  const std::scoped_lock lock{mutex_};
  with_duplicates_.insert(kind.name);
  waiting_[kind.name] = std::nullopt;
}

bool Succession::may_have_work() const {
  const std::scoped_lock lock{mutex_};
  return !with_duplicates_.empty();
}

bool Succession::has_work() const {
  const std::scoped_lock lock{mutex_};
  return !waiting_.empty() || walk_;
}

bool Succession::released(const storage::Unit& unit) {
  const std::scoped_lock lock{mutex_};
  if (with_duplicates_.empty()) return false;
  const bool had_some = !waiting_.empty();
  for (const auto& write_set : unit.write_sets) {
    const auto& object = write_set.object;
    const bool is_unique =
        std::ranges::any_of(write_set.releases, [&](const storage::ClaimKey& release) {
          return rows_.find_unique(declared_name(release.space)).kind != nullptr;
        });
    if (!is_unique || !with_duplicates_.contains(object.kind)) continue;
    look_at_those_of(object);
  }
  return !had_some && !waiting_.empty();
}

void Succession::look_at_those_of(const ObjectId& holder) {
  auto& holders = waiting_.try_emplace(holder.kind, std::set<std::string>{}).first->second;
  if (!holders) return;  // all are looked at
  holders->insert(to_string(holder));
  if (holders->size() > holders_max) holders.reset();
}

std::optional<Succession::Walk> Succession::take_walk() {
  const std::scoped_lock lock{mutex_};
  for (auto found = waiting_.begin(); found != waiting_.end(); ++found) {
    // The build decides; it is looked at when that has ended.
    if (rows_.of(found->first).building.load(std::memory_order_acquire)) continue;
    Walk walk{.kind = kinds_.at(found->first), .holders = std::move(found->second)};
    waiting_.erase(found);
    return walk;
  }
  return {};
}

Result<std::vector<storage::WriteSet>> Succession::slice(const std::vector<ObjectId>& again) {
  heirs_.clear();
  std::vector<storage::WriteSet> made;
  for (const auto& object : again) {
    const auto kind = kinds_.find(object.kind);
    if (kind == kinds_.end()) continue;
    PERDURE_TRY_VOID(look({*kind->second, object, nullptr}, made));
    const std::scoped_lock lock{mutex_};
    look_at_those_of(object);
  }
  if (!made.empty()) return made;
  auto next = [this] {
    const std::scoped_lock lock{mutex_};
    return std::exchange(walk_, std::nullopt);
  }();
  if (!next) next = take_walk();
  if (!next) return made;
  const auto place = next->after;
  auto walked = walk(*next, made);
  if (!walked) next->after = place;
  const std::scoped_lock lock{mutex_};
  if (!walked || next->after) walk_ = std::move(next);
  if (!walked) return fail(std::move(walked).error());
  return made;
}

Result<void> Succession::walk(Walk& walk, std::vector<storage::WriteSet>& made) {
  PERDURE_TRY(rows, store_.index(walk.kind->name, index_names::duplicate, {.limit = rows_at_once},
                                 walk.after));
  for (const auto& row : rows) {
    walk.after = row;
    const auto holder = said_holder(row);
    if (walk.holders && holder && !walk.holders->contains(to_string(*holder))) continue;
    PERDURE_TRY_VOID(look({*walk.kind, {walk.kind->name, row.id}, &row}, made));
    if (made.size() >= slice_objects) return {};
  }
  if (rows.size() < rows_at_once) walk.after.reset();
  return {};
}

Result<void> Succession::look(const Look& at, std::vector<storage::WriteSet>& made) {
  const auto& [kind, object, row] = at;
  if (rows_.of(kind.name).building.load(std::memory_order_acquire)) return {};
  const auto version = load_version(kind, object, store_);
  if (!version && is_of_one_object(version.error())) return {};
  if (!version) return fail(version.error());
  const auto& meta = (*version)->meta;
  if (meta.seq == 0 || (*version)->purged()) return {};
  const auto root = root_of(kind, **version);
  storage::WriteSet changes{.object = object, .epoch = store_.epoch(), .expected_seq = meta.seq};
  for (std::size_t place = 0; place < kind.uniques.size(); ++place) {
    if (row != nullptr && row->key != owner_key(kind.uniques[place].space)) continue;
    PERDURE_TRY_VOID(look_at_field(at, place, {meta, root}, changes));
  }
  if (!changes.indexes.empty()) made.push_back(std::move(changes));
  return {};
}

Result<void> Succession::look_at_field(const Look& at, std::size_t place, const ObjectForm& form,
                                       storage::WriteSet& changes) {
  const auto& unique = at.kind.uniques[place];
  const auto& rows = rows_.of(at.kind.name);
  const auto now = claims_at_();
  const auto key = unique_key(unique, form);
  std::optional<ObjectId> holder;
  if (const auto heir = key ? heirs_.find({place, *key}) : heirs_.end(); heir != heirs_.end()) {
    holder = heir->second;
  } else if (key) {
    PERDURE_TRY(found, find_holder(store_, {&at.kind, &rows, place}, *key, now));
    holder = std::move(found);
  }
  if (key && !holder) {
    auto mark = heir_mark(rows.uniques[place], *key, at.object, now);
    PERDURE_TRY(given_up, store_.claim({mark.space, mark.key}, now));
    if (given_up) return {};
    changes.claims.push_back({rows.uniques[place].stored, *key, to_string(at.object), {}});
    changes.claims.push_back(std::move(mark));
    heirs_.emplace(std::pair{place, *key}, at.object);
    holder = at.object;
  }
  const bool is_duplicate = holder && *holder != at.object;
  if (is_duplicate && at.row != nullptr && said_holder(*at.row) == holder) return {};
  changes.indexes.push_back(duplicate_row(unique, is_duplicate ? &*holder : nullptr));
  return {};
}

}  // namespace perdure::runtime
