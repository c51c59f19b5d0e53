// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/list_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "perdure/base/time.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure {

namespace {

using Form = ListLayout::Column::Form;

constexpr std::size_t elements_max = 100;
constexpr std::size_t cover_column_bytes_max = 256;
constexpr std::string_view updated_at = "$updated_at";
constexpr std::array own_fields{std::string_view{"$id"}, std::string_view{"$created_at"},
                                updated_at};
std::string name_of(const ListSort& sort) {
  if (!sort.name.empty()) return sort.name;
  return sort.field.starts_with('$') ? sort.field.substr(1) : sort.field;
}

bool is_range(const ListFilter& filter) { return filter.compare == ListFilter::Compare::range; }

std::string_view without_sign(std::string_view sort) {
  return sort.substr(sort.starts_with('-') ? 1 : 0);
}

/// A time as milliseconds, a date as its first one. What is no time stays.
Json time_value(const Json& value) {
  if (!value.is_string()) return value;
  constexpr std::size_t date_length = 10;
  auto text = value.get<std::string>();
  if (text.size() == date_length) text += "T00:00:00Z";
  const auto time = parse_rfc3339(text);
  return time ? Json(to_unix_ms(*time)) : value;
}

}  // namespace

ListLayout::ListLayout(ListRules rules) : rules_(std::move(rules)) {
  for (const auto& filter : rules_.filters) {
    const auto form = is_range(filter) ? Form::time : Form::plain;
    filters_.push_back({filter.name, add_column({filter.field, form}), filter.compare});
  }
  for (const auto& sort : rules_.sorts) {
    const bool has_range = std::ranges::any_of(rules_.filters, [&](const ListFilter& filter) {
      return is_range(filter) && filter.field == sort.field;
    });
    const auto form = !sort.order.empty() ? Form::ranked : has_range ? Form::time : Form::plain;
    add_order(add_column({sort.field, form, sort.order}), name_of(sort));
  }
  for (const auto& filter : filters_) {
    if (filter.compare != ListFilter::Compare::range) continue;
    add_order(filter.column, {});
    std::ranges::find(sorts_, filter.column, &Sort::column)->covers_all = true;
  }
}

std::size_t ListLayout::add_column(Column column) {
  const auto found = std::ranges::find(columns_, column);
  const auto place = static_cast<std::size_t>(found - columns_.begin());
  if (found == columns_.end()) columns_.push_back(std::move(column));
  return place;
}

void ListLayout::add_order(std::size_t column, std::string name) {
  const bool is_there = std::ranges::find(sorts_, column, &Sort::column) != sorts_.end();
  if (name.empty() && is_there) return;
  sorts_.push_back({std::move(name), column});
}

const ListLayout::Filter* ListLayout::find_filter(std::string_view name) const {
  const auto found = std::ranges::find(filters_, name, &Filter::name);
  return found == filters_.end() ? nullptr : &*found;
}

const ListLayout::Sort* ListLayout::find_sort(std::string_view name) const {
  if (name.empty()) name = without_sign(rules_.default_sort);
  if (name.empty()) return sorts_.empty() ? nullptr : &sorts_.front();
  const auto found = std::ranges::find(sorts_, name, &Sort::name);
  return found == sorts_.end() ? nullptr : &*found;
}

const ListLayout::Sort* ListLayout::sort_by(std::size_t column) const {
  const auto found = std::ranges::find(sorts_, column, &Sort::column);
  return found == sorts_.end() ? nullptr : &*found;
}

Result<void> ListLayout::check() const {
  const auto refuse = [](std::string why) { return fail(ErrorCode::invalid, std::move(why)); };
  const auto check_field = [&](const std::string& field) -> Result<void> {
    const bool is_own = std::ranges::find(own_fields, field) != own_fields.end();
    if (!field.empty() && (!field.starts_with('$') || is_own)) return {};
    return refuse(fmt::format("lists: there is no field \"{}\"", field));
  };
  std::set<std::string> names;
  const auto take = [&](const std::string& name) {
    return !name.empty() && names.insert(name).second;
  };
  for (const auto& filter : rules_.filters) {
    PERDURE_TRY_VOID(check_field(filter.field));
    const bool is_new = is_range(filter) ? !filter.name.empty() && take(filter.name + "_after") &&
                                               take(filter.name + "_before")
                                         : take(filter.name);
    if (!is_new) return refuse(fmt::format("lists: the filter \"{}\" is taken", filter.name));
  }
  names.clear();
  for (const auto& sort : rules_.sorts) {
    PERDURE_TRY_VOID(check_field(sort.field));
    if (!take(name_of(sort))) {
      return refuse(fmt::format("lists: the sort \"{}\" is taken", name_of(sort)));
    }
    const std::set<std::string> values(sort.order.begin(), sort.order.end());
    if (values.size() != sort.order.size()) {
      return refuse(fmt::format("lists: the order of \"{}\" has a value twice", sort.field));
    }
  }
  for (const auto& sort : sorts_) {
    if (sort_by(sort.column) == &sort) continue;
    return refuse(fmt::format("lists: \"{}\" is sorted by twice", columns_[sort.column].field));
  }
  const auto by_default = without_sign(rules_.default_sort);
  if (!by_default.empty() && !names.contains(std::string{by_default})) {
    return refuse(fmt::format("lists: the default \"{}\" is no sort", by_default));
  }
  if (rules_.sorts.empty() && !rules_.filters.empty()) return refuse("lists: there is no sort");
  return {};
}

std::string ListLayout::index(const Sort& sort, const Filter* filter) const {
  auto name = "$list." + columns_[sort.column].field;
  if (columns_[sort.column].form == Form::ranked) name += '#';
  if (filter != nullptr) name += '=' + filter->name;
  return name;
}

std::vector<std::string> ListLayout::indexes() const {
  std::vector<std::string> names;
  for (const auto& sort : sorts_) {
    names.push_back(index(sort, nullptr));
    if (sort.name.empty()) continue;
    for (const auto& filter : filters_) {
      if (filter.compare == ListFilter::Compare::equality) names.push_back(index(sort, &filter));
    }
  }
  return names;
}

std::string ListLayout::count(std::string_view group, const Filter* filter,
                              std::string_view value) const {
  auto name = filter == nullptr ? std::string{} : filter->name;
  name += '\0';
  name += group;
  name += value;
  return name;
}

std::string ListLayout::encode(const Column& column, const Json& value) const {
  if (value.is_null() || column.form == Form::plain) return sortable(value);
  if (column.form == Form::time) return sortable(time_value(value));
  const auto place = std::ranges::find_if(
      column.order, [&](const std::string& known) { return value.is_string() && value == known; });
  return sortable(place - column.order.begin());
}

ListValues ListLayout::values(const ListFields& fields) const {
  ListValues values;
  values.reserve(columns_.size());
  for (const auto& column : columns_) {
    const Json field = fields(column.field);
    auto& encoded = values.emplace_back();
    if (!field.is_array()) {
      encoded.push_back(encode(column, field));
      continue;
    }
    const auto elements = std::min(field.size(), elements_max);
    for (std::size_t i = 0; i < elements; ++i) encoded.push_back(encode(column, field[i]));
    if (encoded.empty()) encoded.push_back(encode(column, nullptr));
    std::ranges::sort(encoded);
    encoded.erase(std::unique(encoded.begin(), encoded.end()), encoded.end());
  }
  return values;
}

std::string ListLayout::cover(const ListValues& values, bool whole) const {
  std::string cover;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t bytes = 0;
    for (const auto& value : values[column]) bytes += value.size();
    const bool is_told = whole || columns_[column].field != updated_at;
    if (!is_told || bytes > cover_column_bytes_max) {
      put_varint(cover, 0);
      continue;
    }
    put_varint(cover, values[column].size());
    for (const auto& value : values[column]) put_bytes(cover, value);
  }
  return cover;
}

const std::vector<std::string_view>& ListCover::next() {
  values_.clear();
  for (auto left = in_.varint(); left > 0 && !in_.failed(); --left) values_.push_back(in_.bytes());
  if (in_.failed()) values_.clear();
  return values_;
}

/// One change of an item on its way to rows and counts.
struct ListLayout::Change {
  Change(const ListLayout& of, const ListedItem* before, const ListedItem* after)
      : layout(of), old_item(before), new_item(after) {
    same_groups = has_rows(before) && has_rows(after) && before->groups == after->groups;
    for (std::size_t column = 0; column < layout.columns_.size(); ++column) {
      same_columns.push_back(same_groups && before->values[column] == after->values[column]);
    }
    for (const bool whole : {false, true}) {
      if (has_rows(before)) old_covers[whole] = layout.cover(before->values, whole);
      if (has_rows(after)) new_covers[whole] = layout.cover(after->values, whole);
    }
  }

  static bool has_rows(const ListedItem* item) { return item != nullptr && !item->groups.empty(); }

  std::vector<std::string> keys(const ListedItem* item, const Sort& sort,
                                const Filter* filter) const {
    std::vector<std::string> keys;
    if (!has_rows(item)) return keys;
    const auto& last = item->values[sort.column].front();
    for (const auto& group : item->groups) {
      if (filter == nullptr) {
        keys.push_back(group + last);
        continue;
      }
      for (const auto& value : item->values[filter->column]) keys.push_back(group + value + last);
    }
    std::ranges::sort(keys);
    return keys;
  }

  void add_rows(const Sort& sort, const Filter* filter, std::vector<ListRowChange>& rows) const {
    const bool whole = filter == nullptr && sort.covers_all;
    const bool same_cover = old_covers[whole] == new_covers[whole];
    const bool same_keys =
        same_columns[sort.column] && (filter == nullptr || same_columns[filter->column]);
    if (same_keys && same_cover) return;
    const auto index = layout.index(sort, filter);
    const auto before = keys(old_item, sort, filter);
    const auto after = keys(new_item, sort, filter);
    for (const auto& key : before) {
      if (!std::ranges::binary_search(after, key)) rows.push_back({index, key, {}});
    }
    for (const auto& key : after) {
      if (same_cover && std::ranges::binary_search(before, key)) continue;
      rows.push_back({index, key, new_covers[whole]});
    }
  }

  void add_counts(std::vector<ListCountChange>& counts) const {
    std::map<std::string, std::int64_t> sums;
    for (const auto& [item, by] : {std::pair{old_item, -1}, std::pair{new_item, 1}}) {
      if (same_groups || !has_rows(item)) continue;
      for (const auto& group : item->groups) sums[layout.count(group, nullptr, {})] += by;
    }
    for (const auto& filter : layout.filters_) {
      if (filter.compare == ListFilter::Compare::range || same_columns[filter.column]) continue;
      for (const auto& [item, by] : {std::pair{old_item, -1}, std::pair{new_item, 1}}) {
        if (!has_rows(item)) continue;
        const auto& values = item->values[filter.column];
        for (const auto& group : item->groups) {
          if (values.size() > 1) sums[layout.count(group, &filter, {})] += by;
          for (const auto& value : values) sums[layout.count(group, &filter, value)] += by;
        }
      }
    }
    for (auto& [name, by] : sums) {
      if (by != 0) counts.push_back({name, by});
    }
  }

  const ListLayout& layout;
  const ListedItem* old_item;
  const ListedItem* new_item;
  bool same_groups = false;
  std::vector<bool> same_columns;
  std::array<std::string, 2> old_covers;  ///< the short one and the whole one
  std::array<std::string, 2> new_covers;
};

void ListLayout::change(const ListedItem* before, const ListedItem* after,
                        std::vector<ListRowChange>& rows,
                        std::vector<ListCountChange>& counts) const {
  if (!Change::has_rows(before) && !Change::has_rows(after)) return;
  const Change change{*this, before, after};
  for (const auto& sort : sorts_) {
    change.add_rows(sort, nullptr, rows);
    if (sort.name.empty()) continue;
    for (const auto& filter : filters_) {
      if (filter.compare == ListFilter::Compare::equality) change.add_rows(sort, &filter, rows);
    }
  }
  change.add_counts(counts);
}

}  // namespace perdure
