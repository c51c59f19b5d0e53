// SPDX-License-Identifier: Apache-2.0
#include "collection.hpp"

#include "perdure/actors/item_lists.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/random.hpp"
#include "perdure/runtime/page.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

namespace {

/// Rows that one turn writes for other items than its own. A turn may change 10,000 entries.
constexpr std::size_t moved_rows_max = 2'000;
/// Other items that one turn gives rows to, which have at most some 400 old and new ones each.
constexpr std::size_t moved_items_max = 50;
constexpr const char* deleted_at = "$deleted_at";

bool is_deleted(const Json& item) { return item.contains("deleted_at"); }

ListedItem listed(const ListLayout& layout, const Json* item) {
  if (item == nullptr) return {};
  return {
      .values = layout.values([&](const std::string& field) { return item_field(*item, field); }),
      .groups = {is_deleted(*item) ? item_group::deleted : item_group::live}};
}

/// What of the rules rows depend on, in short.
std::string rules_of(const ListLayout& live) {
  Json text = Json::array();
  for (const auto& index : live.indexes()) text.push_back(index);
  for (const auto& column : live.columns()) text.push_back({column.field, column.order});
  constexpr std::size_t digits = 16;
  return to_hex(bytes_of(sha256(dump_json(text)))).substr(0, digits);
}

void count(const ListLayout& layout, const std::vector<ListCountChange>& changes,
           ItemListState& state) {
  for (const auto& change : changes) {
    if (change.name == layout.count(item_group::live, nullptr, {})) state.live += change.by;
    if (change.name == layout.count(item_group::deleted, nullptr, {})) state.deleted += change.by;
  }
}

}  // namespace

Collection::Collection(std::string many, const ListRules& rules)
    : many_(std::move(many)),
      live_(rules),
      deleted_({.sorts = {{.field = deleted_at}}}),
      earlier_(many_, live_, deleted_),
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

const ListLayout& Collection::layout_of(const Json& item) const {
  return is_deleted(item) ? deleted_ : live_;
}

std::optional<ItemListState> Collection::known_state(const EntryReader& entries) const {
  auto state = read_item_list_state(entries, many_);
  if (state && state->rules != made_by_) {
    throw Failure{{.code = ErrorCode::newer_version,
                   .detail = "the rows of " + many_ + " were made by rules of another version"}};
  }
  return state;
}

ItemListState Collection::state_of(const EntryReader& entries) const {
  if (auto state = known_state(entries)) return std::move(*state);
  return {.rules = made_by_, .has_earlier = !earlier_.some(entries, 1).empty()};
}

ItemRows Collection::rows_of(const EntryReader& entries, const ItemListState& state) const {
  return {entries, many_, state, state.has_earlier ? &earlier_ : nullptr};
}

void Collection::write_rows(Entries& entries, const Json* before, const Json* after,
                            ItemListState& state) const {
  const auto change = [&](const ListLayout& layout, const Json* from, const Json* to) {
    const auto old_item = listed(layout, from);
    const auto new_item = listed(layout, to);
    std::vector<ListRowChange> rows;
    std::vector<ListCountChange> counts;
    layout.change(&old_item, &new_item, rows, counts);
    write_item_rows(entries, many_, item_row_id(from != nullptr ? *from : *to), rows);
    count(layout, counts, state);
  };
  const bool has_both = before != nullptr && after != nullptr;
  if (has_both && &layout_of(*before) == &layout_of(*after) &&
      item_row_id(*before) == item_row_id(*after)) {
    return change(layout_of(*before), before, after);
  }
  if (before != nullptr) change(layout_of(*before), before, nullptr);
  if (after != nullptr) change(layout_of(*after), nullptr, after);
}

bool Collection::replace_earlier(Entries& entries, const Json& item,
                                 const ItemListState& state) const {
  if (!state.has_earlier || !earlier_.has(entries, item)) return false;
  earlier_.erase(entries, item);
  return true;
}

void Collection::put(Entries& entries, const std::optional<Json>& before, const Json& item) const {
  const auto known = known_state(entries);
  auto state = known ? *known : state_of(entries);
  const bool had_rows = before && !replace_earlier(entries, *before, state);
  write_rows(entries, had_rows ? &*before : nullptr, &item, state);
  entries.put_json(item_key(many_, item.at("id").get<std::string>()), item);
  if (state.has_earlier) move_some(entries, state);
  if (known != state) write_item_list_state(entries, many_, state);
}

void Collection::move_some(Entries& entries, ItemListState& state) const {
  std::size_t rows = 0;
  const auto ids = earlier_.some(entries, moved_items_max + 1);
  for (std::size_t i = 0; i < ids.size() && i < moved_items_max && rows < moved_rows_max; ++i) {
    const auto item = find(entries, ids[i]);
    if (!item) throw Failure{{.code = ErrorCode::corrupt, .detail = "a row leads to no item"}};
    const auto values = listed(live_, &*item).values;
    for (const auto& column : values) rows += column.size() * live_.sorts().size();
    earlier_.erase(entries, *item);
    write_rows(entries, nullptr, &*item, state);
  }
  state.has_earlier = !earlier_.some(entries, 1).empty();
}

void Collection::erase(Entries& entries, const Json& item) const {
  const auto known = known_state(entries);
  auto state = known ? *known : state_of(entries);
  if (!replace_earlier(entries, item, state)) write_rows(entries, &item, nullptr, state);
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

Result<Json> Collection::list(const EntryReader& entries, const ItemQuery& query,
                              const ItemPresenter& present) const {
  const bool wants_deleted = query.lives == ItemQuery::Lives::deleted;
  PERDURE_TRY(plan, plan_of_items(wants_deleted ? deleted_ : live_, query, many_));
  const auto state = state_of(entries);
  const auto rows = rows_of(entries, state);
  const auto holds = [&](const Json& item) {
    return plan.holds([&](const std::string& field) { return item_field(item, field); });
  };
  PageBudget budget{{.items_max = query.list.limit}};
  Json items = Json::array();
  PERDURE_TRY(end, plan.page(rows, [&](const ListRow& row) -> Result<Shown> {
    auto item = item_of(entries, row);
    if (!holds(item)) return Shown::passed_over;
    if (present) item = present(std::move(item));
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

Json Collection::nothing(const ItemQuery& query) {
  Json page{{list::items, Json::array()}, {list::next_cursor, nullptr}};
  if (query.total == ItemQuery::Total::asked) page[list::total] = 0;
  return page;
}

std::vector<ListRow> Collection::rows_from(const EntryReader& entries, const ListLayout& layout,
                                           const std::string& sort, const ListRange& range) const {
  const auto state = state_of(entries);
  auto found = rows_of(entries, state).read(layout.index(*layout.find_sort(sort), nullptr), range);
  if (!found) throw Failure{std::move(found).error()};
  return std::move(*found);
}

std::optional<Json> Collection::last(const EntryReader& entries, const std::string& sort) const {
  const auto rows =
      rows_from(entries, live_, sort,
                {.from = item_group::live, .until = {}, .order = Order::descending, .limit = 1});
  if (rows.empty()) return {};
  return item_of(entries, rows.front());
}

std::vector<Json> Collection::oldest_deleted(const EntryReader& entries, std::size_t limit) const {
  std::vector<Json> items;
  const auto rows =
      rows_from(entries, deleted_, {}, {.from = item_group::deleted, .until = {}, .limit = limit});
  for (const auto& row : rows) items.push_back(item_of(entries, row));
  return items;
}

}  // namespace perdure::actors
