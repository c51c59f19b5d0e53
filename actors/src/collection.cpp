// SPDX-License-Identifier: Apache-2.0
#include "collection.hpp"

#include <algorithm>

#include "perdure/actors/item_lists.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/random.hpp"
#include "perdure/runtime/page.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

namespace {

/// The form in which this version writes rows and counts: another one makes all of them again.
constexpr int row_form = 2;

bool is_deleted(const Json& item) { return item.contains("deleted_at"); }

std::string rules_of(const ListLayout& layout) {
  Json text = Json::array({row_form});
  for (const auto& index : layout.indexes()) text.push_back(index);
  for (const auto& column : layout.columns()) text.push_back({column.field, column.order});
  constexpr std::size_t digits = 16;
  return to_hex(bytes_of(sha256(dump_json(text)))).substr(0, digits);
}

/// Beyond all keys of a group.
std::string after_group(std::string group) {
  ++group.back();
  return group;
}

}  // namespace

Json ItemView::field(const Json& item, const std::string& name) const {
  auto value = item_field(item, name);
  if (!value.is_string() || !is_reference(name)) return value;
  return is_dead(name, value.get_ref<const std::string&>()) ? Json(nullptr) : value;
}

bool ItemView::is_reference(const std::string& name) const {
  return std::ranges::find(references, name) != references.end();
}

Collection::Collection(std::string many, const ListRules& rules)
    : many_(std::move(many)),
      live_(rules),
      by_deletion_({.sorts = {{.field = "$deleted_at"}}}),
      made_by_(rules_of(live_)) {}

std::optional<Json> Collection::find(const EntryReader& entries, const std::string& id) const {
  if (!is_uuid(id)) return {};  // also keeps odd text out of keys
  const auto entry = entries.get(item_key(many_, id));
  if (!entry) return {};
  return entry->json();
}

std::optional<Json> Collection::find_live(const EntryReader& entries, const std::string& id) const {
  auto item = find(entries, id);
  if (item && is_deleted(*item)) return {};
  return item;
}

ItemListState Collection::state_of(const EntryReader& entries) const {
  return state_of(entries, read_item_list_state(entries, many_));
}

ItemListState Collection::state_of(const EntryReader& entries,
                                   const std::optional<ItemListState>& stored) const {
  if (stored && stored->rules == made_by_) return *stored;
  ItemListState fresh{.rules = made_by_};
  const auto some = EntryRange::prefix(item_key(many_, ""), Order::ascending, 1);
  if (stored || !entries.range(some).empty()) fresh.built_to = "";
  return fresh;
}

bool Collection::is_built(const EntryReader& entries) const { return !state_of(entries).built_to; }

ItemListState Collection::built_state(const EntryReader& entries) const {
  auto state = state_of(entries);
  if (!state.built_to) return state;
  Error error{.code = ErrorCode::index_building,
              .detail = "the rows of the lists of " + many_ + " are still being made"};
  error.retry_after = std::chrono::seconds{5};
  throw Failure{std::move(error)};
}

namespace {

bool has_rows(const ItemListState& state, const Json& item) {
  return !state.built_to || item.at("id").get_ref<const std::string&>() <= *state.built_to;
}

}  // namespace

ListedItem Collection::listed(const ListLayout& layout, const Json& item) const {
  if (&layout == &by_deletion_ && !is_deleted(item)) return {};
  return {
      .values = layout.values([&](const std::string& field) { return item_field(item, field); }),
      .groups = {is_deleted(item) ? item_group::deleted : item_group::live}};
}

std::int64_t* Collection::count_in(ItemListState& state, const std::string& name) const {
  if (name == live_.count(item_group::live, nullptr, {})) return &state.live;
  if (name == live_.count(item_group::deleted, nullptr, {})) return &state.deleted;
  return nullptr;
}

std::size_t Collection::change(Entries& entries, const ListLayout& layout, const Json* from,
                               const Json* to, ItemListState& state) const {
  const auto old_item = from != nullptr ? listed(layout, *from) : ListedItem{};
  const auto new_item = to != nullptr ? listed(layout, *to) : ListedItem{};
  std::vector<ListRowChange> rows;
  std::vector<ListCountChange> counts;
  layout.change(&old_item, &new_item, rows, counts);
  write_item_rows(entries, many_, item_row_id(from != nullptr ? *from : *to), rows);
  if (&layout == &by_deletion_) return rows.size();  // its items are counted by the others
  for (const auto& count : counts) {
    if (auto* known = count_in(state, count.name)) {
      *known += count.by;
    } else {
      change_item_count(entries, many_, count);
    }
  }
  return rows.size() + counts.size();
}

std::size_t Collection::write_rows(Entries& entries, const Json* before, const Json* after,
                                   ItemListState& state) const {
  const bool has_both = before != nullptr && after != nullptr;
  const bool is_one = !has_both || item_row_id(*before) == item_row_id(*after);
  std::size_t changes = 0;
  for (const auto* layout : {&live_, &by_deletion_}) {
    if (is_one) {
      changes += change(entries, *layout, before, after, state);
      continue;
    }
    changes += change(entries, *layout, before, nullptr, state);
    changes += change(entries, *layout, nullptr, after, state);
  }
  return changes;
}

void Collection::put(Entries& entries, const std::optional<Json>& before, const Json& item) const {
  const auto known = read_item_list_state(entries, many_);
  auto state = state_of(entries, known);
  if (has_rows(state, item)) write_rows(entries, before ? &*before : nullptr, &item, state);
  entries.put_json(item_key(many_, item.at("id").get<std::string>()), item);
  if (known != state) write_item_list_state(entries, many_, state);
}

void Collection::erase(Entries& entries, const Json& item) const {
  const auto known = read_item_list_state(entries, many_);
  auto state = state_of(entries, known);
  if (has_rows(state, item)) write_rows(entries, &item, nullptr, state);
  entries.erase(item_key(many_, item.at("id").get<std::string>()));
  if (known != state) write_item_list_state(entries, many_, state);
}

Json Collection::item_of(const EntryReader& entries, const ListRow& row) const {
  auto item = find(entries, std::string{id_in_row(row.id)});
  if (!item) {
    throw Failure{{.code = ErrorCode::corrupt, .detail = "a row of a list leads to no item"}};
  }
  return std::move(*item);
}

Result<ListNulls> Collection::nulls_of(const ListLayout& layout, const ItemRows& rows,
                                       const std::string& group, const ListCondition& condition,
                                       const ItemView& view) const {
  const auto& filter = *layout.find_filter(condition.name);
  const auto& column = layout.columns()[filter.column];
  const auto is_dead = [&](const std::string& id) { return view.is_dead(column.field, id); };
  ListNulls nulls;
  if (std::ranges::count(condition.values, Json(nullptr)) > 0) {
    PERDURE_TRY(all, dead_values(layout, rows, {group}, filter, is_dead));
    nulls = std::move(all);
  }
  for (const auto& value : condition.values) {
    if (!value.is_string() || !is_dead(value.get_ref<const std::string&>())) continue;
    nulls.values.push_back(layout.encode(column, value));
  }
  return nulls;
}

Result<Json> Collection::list(const EntryReader& entries, const ItemQuery& query,
                              const ItemView& view) const {
  const bool wants_deleted = query.lives == ItemQuery::Lives::deleted;
  const auto& layout = query.list.sort == sort_by_deletion ? by_deletion_ : live_;
  const auto state = built_state(entries);
  const ItemRows rows{entries, many_, state};
  auto asked = query;
  for (const auto& condition : query.list.where) {
    const auto* filter = layout.find_filter(condition.name);
    if (filter == nullptr || !view.is_reference(layout.columns()[filter->column].field)) continue;
    const auto& group = wants_deleted ? item_group::deleted : item_group::live;
    PERDURE_TRY(nulls, nulls_of(layout, rows, group, condition, view));
    asked.list.nulls.emplace(condition.name, std::move(nulls));
  }
  PERDURE_TRY(plan, plan_of_items(layout, asked, many_));
  const auto holds = [&](const Json& item) {
    return plan.holds([&](const std::string& field) { return view.field(item, field); });
  };
  PageBudget budget{{.items_max = query.list.limit}};
  Json items = Json::array();
  PERDURE_TRY(end, plan.page(rows, [&](const ListRow& row) -> Result<Shown> {
    auto item = item_of(entries, row);
    if (!holds(item)) return Shown::passed_over;
    if (view.present) item = view.present(std::move(item));
    // The comma that follows counts, too.
    if (!budget.take(serialized_size(item) + 1)) return Shown::refused;
    items.push_back(std::move(item));
    return Shown::taken;
  }));
  Json page{{list::items, std::move(items)},
            {list::next_cursor, end.at_end ? Json(nullptr) : Json(end.next_cursor)}};
  if (query.total == ItemQuery::Total::unasked) return page;
  PERDURE_TRY(total, plan.count(rows, [&](const ListRow& row) -> Result<bool> {
    return holds(item_of(entries, row));
  }));
  const bool is_exact = total.precision == ListTotal::Precision::exact;
  page[list::total] = is_exact ? Json(total.count) : Json(nullptr);
  if (!is_exact) page[list::total_at_least] = total.count;
  return page;
}

std::vector<ListRow> Collection::rows_from(const EntryReader& entries, const ListLayout& layout,
                                           const std::string& sort, const ListRange& range) const {
  const auto state = built_state(entries);
  const ItemRows rows{entries, many_, state};
  auto found = rows.read(layout.index(*layout.find_sort(sort), nullptr), range);
  if (!found) throw Failure{std::move(found).error()};
  return std::move(*found);
}

std::optional<Json> Collection::last(const EntryReader& entries, const std::string& sort) const {
  const auto rows = rows_from(entries, live_, sort,
                              {.from = item_group::live,
                               .until = after_group(item_group::live),
                               .order = Order::descending,
                               .limit = 1});
  if (rows.empty()) return {};
  return item_of(entries, rows.front());
}

std::vector<Json> Collection::oldest_deleted(const EntryReader& entries, std::size_t limit) const {
  std::vector<Json> items;
  const auto rows = rows_from(
      entries, by_deletion_, {},
      {.from = item_group::deleted, .until = after_group(item_group::deleted), .limit = limit});
  for (const auto& row : rows) items.push_back(item_of(entries, row));
  return items;
}

}  // namespace perdure::actors
