// SPDX-License-Identifier: Apache-2.0
#include "list_rows.hpp"

#include <algorithm>
#include <utility>

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

/// A field of an object; `own` holds it if it is none of the state's.
const Json& field_of(const std::string& field, const ObjectForm& form, Json& own) {
  const bool is_member = !field.starts_with('$') && field.find('.') == std::string::npos;
  if (is_member && form.root.is_object()) {
    const auto found = form.root.find(field);
    if (found != form.root.end()) return *found;
  }
  own = is_member ? Json(nullptr) : field_value(field, form.meta, form.root);
  return own;
}

bool has_rows(const ListLayout& layout, const ObjectForm* form) {
  return form != nullptr && form->meta.seq > 0 && !layout.sorts().empty();
}

ListedItem listed(const ListLayout& layout, const ObjectForm& form) {
  ListedItem item{.values = {}, .groups = groups_of(layout.rules(), form.meta)};
  item.values.reserve(layout.columns().size());
  for (const auto& column : layout.columns()) {
    Json own;
    item.values.push_back(layout.values_in(column, field_of(column.field, form, own)));
  }
  return item;
}

/// Both forms of an object that stays: what is in both alike is encoded once.
struct ListedPair {
  ListedPair(const ListLayout& layout, const ObjectForm& old_form, const ObjectForm& new_form) {
    before.groups = groups_of(layout.rules(), old_form.meta);
    after.groups = groups_of(layout.rules(), new_form.meta);
    for (const auto& column : layout.columns()) {
      Json old_own;
      Json new_own;
      const auto& old_field = field_of(column.field, old_form, old_own);
      const auto& new_field = field_of(column.field, new_form, new_own);
      after.values.push_back(layout.values_in(column, new_field));
      before.values.push_back(old_field == new_field ? after.values.back()
                                                     : layout.values_in(column, old_field));
    }
  }
  ListedItem before;
  ListedItem after;
};

/// Whether the rows of an object are the same in both forms, by a comparison of what lists see.
bool is_listed_alike(const ListLayout& layout, const ObjectForm& before, const ObjectForm& after) {
  const auto& old = before.meta;
  const auto& now = after.meta;
  const bool same_groups = old.origin == now.origin && old.grants == now.grants &&
                           old.deleted_at.has_value() == now.deleted_at.has_value();
  return same_groups && std::ranges::all_of(layout.columns(), [&](const auto& column) {
           Json old_own;
           Json new_own;
           return field_of(column.field, before, old_own) == field_of(column.field, after, new_own);
         });
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
  std::vector<ListRowChange> rows;
  std::vector<ListCountChange> counts;
  const bool was_there = has_rows(layout, before);
  const bool is_there = has_rows(layout, after);
  if (was_there && is_there) {
    if (is_listed_alike(layout, *before, *after)) return;
    const ListedPair pair{layout, *before, *after};
    layout.change(&pair.before, &pair.after, rows, counts);
  } else if (was_there) {
    const auto item = listed(layout, *before);
    layout.change(&item, nullptr, rows, counts);
  } else if (is_there) {
    const auto item = listed(layout, *after);
    layout.change(nullptr, &item, rows, counts);
  }
  write_set.indexes.reserve(write_set.indexes.size() + rows.size());
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

storage::IndexRead StoredListRows::read_of(const std::string& index, const ListRange& range) const {
  storage::IndexRead read{
      .kind = kind_,
      .index = index + build_,
      .range = {.from = range.from,
                .until = range.until,
                .direction = range.order == Order::ascending ? storage::Direction::forward
                                                             : storage::Direction::backward,
                .limit = range.fits != nullptr ? range.looked_max : range.limit}};
  if (range.after != nullptr) read.after = storage::IndexRow{range.after->key, range.after->id};
  return read;
}

void StoredListRows::expect(const std::vector<ListRead>& reads) const {
  if (!is_slow() || reads.size() < 2) return;
  std::vector<storage::Read> wanted;
  for (const auto& read : reads) wanted.emplace_back(read_of(read.index, read.range));
  auto answers = store_.read(wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto read = std::get<storage::IndexRead>(std::move(wanted[i]));
    const auto limit = std::exchange(read.range.limit, 0);
    expected_.insert_or_assign(
        std::move(read),
        Expected{limit, std::get<Result<std::vector<storage::IndexRow>>>(std::move(answers[i]))});
  }
}

const StoredListRows::Expected* StoredListRows::find_expected(storage::IndexRead wanted) const {
  const auto limit = std::exchange(wanted.range.limit, 0);
  const auto found = expected_.find(wanted);
  if (found == expected_.end()) return nullptr;
  const auto& [read, rows] = found->second;
  const bool is_all = !rows || read >= limit || rows->size() < read;
  return is_all ? &found->second : nullptr;
}

Result<std::vector<ListRow>> StoredListRows::read(const std::string& index,
                                                  const ListRange& range) const {
  const bool leaves_out = range.fits != nullptr;
  const auto wanted = read_of(index, range);
  std::vector<ListRow> rows;
  std::size_t looked = 0;
  std::size_t left_out = 0;
  const auto look = [&](std::string_view key, std::string_view id, std::string_view cover) {
    const bool is_last = ++looked == wanted.range.limit;
    if (leaves_out && !is_last && !(*range.fits)(cover)) {
      ++left_out;
      return storage::Walk::go_on;
    }
    rows.push_back(
        {std::string{key}, std::string{id}, std::string{cover}, std::exchange(left_out, 0) + 1});
    return rows.size() < range.limit ? storage::Walk::go_on : storage::Walk::end;
  };
  if (const auto* found = expected_.empty() ? nullptr : find_expected(wanted)) {
    if (!found->rows) return fail(found->rows.error());
    for (const auto& row : *found->rows) {
      if (look(row.key, row.id, row.value) == storage::Walk::end) break;
      if (looked == wanted.range.limit) break;
    }
  } else {
    PERDURE_TRY_VOID(
        store_.walk_index(wanted.kind, wanted.index, wanted.range, wanted.after, look));
  }
  if (told_) told_(rows);
  return rows;
}

Result<std::optional<std::uint64_t>> StoredListRows::count(const std::string& name) const {
  PERDURE_TRY(count, store_.count(list_count(kind_, build_, name)));
  return std::optional{count};
}

}  // namespace perdure::runtime
