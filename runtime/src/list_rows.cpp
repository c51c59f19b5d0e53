// SPDX-License-Identifier: Apache-2.0
#include "list_rows.hpp"

#include <algorithm>

#include "index_keys.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::runtime {

namespace {

/// The first byte of a group: whose objects, and whether they are live or deleted.
struct GroupLetters {
  char owned;
  char everybody;
};
constexpr GroupLetters live{'o', 'a'};
constexpr GroupLetters deleted{'O', 'A'};
/// Of live ones: grants of what is deleted do not count.
constexpr char shared_letter = 's';

std::string group_of(char letter, std::string_view owner) {
  std::string group(1, letter);
  put_sortable_text(group, owner);
  return group;
}

std::vector<std::string> groups_of(const ListRules& rules, const ObjectMeta& meta) {
  const auto& letters = meta.deleted_at ? deleted : live;
  std::vector<std::string> groups{group_of(letters.owned, meta.origin->owner.text())};
  if (rules.across == ListRules::Across::everybody) {
    groups.push_back(group_of(letters.everybody, {}));
  }
  if (meta.grants != nullptr && !meta.deleted_at) {
    for (const auto& grant : *meta.grants) {
      groups.push_back(group_of(shared_letter, grant.grantee.text()));
    }
  }
  std::ranges::sort(groups);
  return groups;
}

ListedItem listed(const ListLayout& layout, const ObjectForm* form) {
  const bool has_rows = form != nullptr && form->meta.seq > 0 && !layout.sorts().empty();
  if (!has_rows) return {};
  return {.values = layout.values(
              [&](const std::string& field) { return field_value(field, form->meta, form->root); }),
          .groups = groups_of(layout.rules(), form->meta)};
}

}  // namespace

ListLayouts::ListLayouts(const std::vector<Kind>& kinds) {
  for (const auto& kind : kinds) {
    const auto& rules = kind.definition().lists;
    if (!rules.sorts.empty()) layouts_.emplace(kind.name(), rules);
  }
}

const ListLayout* ListLayouts::find(const KindDefinition& kind) const {
  if (kind.lists.sorts.empty()) return nullptr;
  const auto found = layouts_.find(kind.name);
  return found == layouts_.end() ? nullptr : &found->second;
}

void change_lists(const KindDefinition& kind, const ListLayout& layout, std::string_view build,
                  const ObjectForm* before, const ObjectForm* after, storage::WriteSet& write_set) {
  using Op = storage::IndexChange::Op;
  const auto old_item = listed(layout, before);
  const auto new_item = listed(layout, after);
  std::vector<ListRowChange> rows;
  std::vector<ListCountChange> counts;
  layout.change(&old_item, &new_item, rows, counts);
  for (auto& row : rows) {
    row.index += build;
    write_set.indexes.push_back({row.cover ? Op::put : Op::erase, std::move(row.index),
                                 std::move(row.key), std::move(row.cover).value_or("")});
  }
  for (const auto& count : counts) {
    write_set.counts.push_back({list_count(kind.name, build, count.name), count.by});
  }
}

std::vector<std::string> list_groups(const ListRequest& request) {
  const auto& letters = request.lives == ListRequest::Lives::deleted ? deleted : live;
  auto owned = group_of(letters.owned, request.owner);
  auto shared = group_of(shared_letter, request.owner);
  switch (request.whose) {
    case ListRequest::Whose::owner: break;
    case ListRequest::Whose::shared: return {std::move(shared)};
    case ListRequest::Whose::readable: return {std::move(owned), std::move(shared)};
    case ListRequest::Whose::everybody: return {group_of(letters.everybody, {})};
  }
  return {std::move(owned)};
}

bool is_in_groups(const ListRules& rules, const ObjectMeta& meta,
                  const std::vector<std::string>& groups) {
  return std::ranges::any_of(groups_of(rules, meta), [&](const std::string& group) {
    return std::ranges::find(groups, group) != groups.end();
  });
}

std::string list_count(std::string_view kind, std::string_view build, std::string_view count) {
  std::string name{"list."};
  name += kind;
  name += build;
  name += '\0';
  return name += count;
}

Result<std::vector<ListRow>> StoredListRows::read(const std::string& index,
                                                  const ListRange& range) const {
  const storage::KeyRange keys{.from = range.from,
                               .until = range.until,
                               .direction = range.order == Order::ascending
                                                ? storage::Direction::forward
                                                : storage::Direction::backward,
                               .limit = range.limit};
  std::optional<storage::IndexRow> after;
  if (range.after != nullptr) after = storage::IndexRow{range.after->key, range.after->id};
  PERDURE_TRY(found, store_.index(kind_, index + build_, keys, after));
  std::vector<ListRow> rows;
  rows.reserve(found.size());
  for (auto& row : found) {
    rows.push_back({std::move(row.key), std::move(row.id), std::move(row.value)});
  }
  return rows;
}

Result<std::optional<std::uint64_t>> StoredListRows::count(const std::string& name) const {
  PERDURE_TRY(count, store_.count(list_count(kind_, build_, name)));
  return std::optional{count};
}

}  // namespace perdure::runtime
