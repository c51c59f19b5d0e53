// SPDX-License-Identifier: Apache-2.0
#include "kind_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "going_along.hpp"
#include "index_keys.hpp"

namespace perdure::runtime {

namespace {

constexpr char build_sign = '\x01';
constexpr std::string_view marks_begin = "$built";

}  // namespace

std::string stored_name(std::string_view name, std::uint64_t build) {
  std::string stored{name};
  if (build > 0) stored += build_sign + std::to_string(build);
  return stored;
}

std::string_view declared_name(std::string_view stored) {
  return stored.substr(0, stored.find(build_sign));
}

KindRows::KindRows(const KindDefinition& kind) {
  const auto add = [](std::vector<PartRows>& parts, const std::string& name) {
    parts.push_back({.name = name, .stored = name});
  };
  for (const auto& index : kind.indexes) add(indexes, index.name);
  for (const auto& purge : kind.purges) add(purges, purge_index(purge));
  for (const auto& reference : kind.references) add(references, along_index(reference.field));
  for (const auto& unique : kind.uniques) add(uniques, unique.space);
  for (const auto& quorum : kind.quorums) add(quorums, quorum.name);
  for (const auto& one : kind.derived) add(derived, one.name);
}

const PartRows* KindRows::find_index(std::string_view name) const {
  for (const auto* parts : {&indexes, &purges, &references}) {
    const auto found = std::ranges::find(*parts, name, &PartRows::name);
    if (found != parts->end()) return &*found;
  }
  return nullptr;
}

RowNames::RowNames(const std::vector<Kind>& kinds) {
  for (const auto& kind : kinds) {
    const auto& definition = kind.definition();
    const auto& rows = rows_.try_emplace(kind.name(), definition).first->second;
    for (std::size_t place = 0; place < definition.uniques.size(); ++place) {
      uniques_.emplace(definition.uniques[place].space, UniqueField{&definition, &rows, place});
    }
  }
}

RowNames::UniqueField RowNames::find_unique(std::string_view space) const {
  const auto found = uniques_.find(space);
  return found == uniques_.end() ? UniqueField{} : found->second;
}

Unexpected still_building(const std::string& kind) {
  Error error{.code = ErrorCode::index_building,
              .detail = fmt::format("the rows of kind {} that this needs are still being made; "
                                    "/health says how far they are",
                                    kind)};
  error.retry_after = std::chrono::seconds{5};
  return fail(std::move(error));
}

Result<Built> find_built(const KindRows& rows, const Version& version,
                         const storage::StoreReader& store, Timestamp now) {
  if (!rows.building.load(std::memory_order_acquire)) return Built::yes;
  if (version.build == rows.build) return Built::yes;
  PERDURE_TRY(mark, store.claim({rows.marks, version.meta.object().id}, now));
  return mark ? Built::yes : Built::no;
}

storage::Claim mark_of(const KindRows& rows, const std::string& id) {
  return {.space = rows.marks, .key = id, .value = "built"};
}

bool is_marked_meanwhile(const Error& refused) {
  return refused.code == ErrorCode::conflict && refused.detail.starts_with(marks_begin);
}

void change_rows(const KindDefinition& kind, const KindRows& rows, const ListLayout* layout,
                 Built built, const ObjectForm* before, const ObjectForm* after,
                 storage::WriteSet& write_set) {
  std::vector<IndexKey> old_rows;
  std::vector<IndexKey> new_rows;
  const bool is_unbuilt = built == Built::no;
  if (before != nullptr) {
    old_rows = index_keys(kind, rows, *before, is_unbuilt ? Which::built : Which::all);
  }
  if (after != nullptr) new_rows = index_keys(kind, rows, *after, Which::all);
  auto changes = index_difference(old_rows, new_rows);
  write_set.indexes.insert(write_set.indexes.end(), std::make_move_iterator(changes.begin()),
                           std::make_move_iterator(changes.end()));
  if (layout == nullptr) return;
  const bool has_none = is_unbuilt && rows.is_being_built(rows.lists);
  change_lists(kind, *layout, rows.lists.stored, has_none ? nullptr : before, after, write_set);
}

}  // namespace perdure::runtime
