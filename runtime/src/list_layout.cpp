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

/// A time as milliseconds, a date as its first one; none: it is no time.
std::optional<std::int64_t> time_value(const Json& value) {
  if (!value.is_string()) return {};
  constexpr std::size_t date_length = 10;
  const auto& text = value.get_ref<const std::string&>();
  const auto time = parse_rfc3339(text.size() == date_length ? text + "T00:00:00Z" : text);
  if (!time) return {};
  return to_unix_ms(*time);
}

}  // namespace

ListLayout::ListLayout(ListRules rules) : rules_(std::move(rules)) {
  for (const auto& filter : rules_.filters) {
    const auto form = is_range(filter) ? Form::time : Form::plain;
    filters_.push_back(
        {filter.name, add_column({filter.field, form}), filter.compare, filters_.size()});
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
  name_indexes();
}

void ListLayout::name_indexes() {
  for (auto& sort : sorts_) {
    sort.place = static_cast<std::size_t>(&sort - sorts_.data());
    auto name = "$list." + columns_[sort.column].field;
    if (columns_[sort.column].form == Form::ranked) name += '#';
    index_names_.push_back(name);
    for (const auto& filter : filters_) index_names_.push_back(name + '=' + filter.name);
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
  if (column.form == Form::time) {
    const auto time = time_value(value);
    return time ? sortable(*time) : sortable(value);
  }
  const auto place = std::ranges::find_if(
      column.order, [&](const std::string& known) { return value.is_string() && value == known; });
  return sortable(place - column.order.begin());
}

std::vector<std::string> ListLayout::values_in(const Column& column, const Json& field) const {
  std::vector<std::string> values;
  if (!field.is_array()) {
    values.push_back(encode(column, field));
    return values;
  }
  const auto elements = std::min(field.size(), elements_max);
  for (std::size_t i = 0; i < elements; ++i) values.push_back(encode(column, field[i]));
  if (values.empty()) values.push_back(encode(column, nullptr));
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

ListValues ListLayout::values(const ListFields& fields) const {
  ListValues values;
  values.reserve(columns_.size());
  for (const auto& column : columns_) values.push_back(values_in(column, fields(column.field)));
  return values;
}

ListLayout::Tells ListLayout::told_by(const Sort& sort, const Filter* filter) {
  if (filter != nullptr) return Tells::filters;
  return sort.covers_all ? Tells::all : Tells::bounds;
}

bool ListLayout::is_told(std::size_t column, Tells tells) const {
  if (tells == Tells::all) return true;
  return columns_[column].field != updated_at &&
         std::ranges::any_of(filters_, [&](const Filter& filter) {
           const bool is_range = filter.compare == ListFilter::Compare::range;
           return filter.column == column && (tells == Tells::filters || is_range);
         });
}

std::string ListLayout::cover(const ListValues& values, Tells tells) const {
  std::string cover;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t bytes = 0;
    for (const auto& value : values[column]) bytes += value.size();
    if (bytes > cover_column_bytes_max || !is_told(column, tells)) {
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
    const bool has_both = has_rows(before) && has_rows(after);
    same_groups = has_both && before->groups == after->groups;
    for (std::size_t column = 0; column < layout.columns_.size(); ++column) {
      same_values.push_back(has_both && before->values[column] == after->values[column]);
    }
    for (const auto tells : {Tells::bounds, Tells::filters, Tells::all}) {
      bool is_same = has_both;
      for (std::size_t column = 0; is_same && column < layout.columns_.size(); ++column) {
        is_same = same_values[column] || !layout.is_told(column, tells);
      }
      same_covers[static_cast<std::size_t>(tells)] = is_same;
    }
  }

  static bool has_rows(const ListedItem* item) { return item != nullptr && !item->groups.empty(); }

  [[nodiscard]] bool is_none() const {
    return same_groups && std::ranges::all_of(same_values, [](bool is_same) { return is_same; });
  }

  template <class Give>
  void each_key(const ListedItem& item, const Sort& sort, const Filter* filter, Give give) const {
    const auto& last = item.values[sort.column].front();
    for (const auto& group : item.groups) {
      if (filter == nullptr) {
        give(group + last);
        continue;
      }
      for (const auto& value : item.values[filter->column]) {
        std::string key;
        key.reserve(group.size() + value.size() + last.size());
        key += group;
        key += value;
        key += last;
        give(std::move(key));
      }
    }
  }

  std::vector<std::string> keys(const ListedItem* item, const Sort& sort,
                                const Filter* filter) const {
    std::vector<std::string> keys;
    if (!has_rows(item)) return keys;
    each_key(*item, sort, filter, [&](std::string key) { keys.push_back(std::move(key)); });
    std::ranges::sort(keys);
    return keys;
  }

  const std::string& new_cover(Tells tells) {
    auto& cover = new_covers[static_cast<std::size_t>(tells)];
    if (cover.empty()) cover = layout.cover(new_item->values, tells);
    return cover;
  }

  void add_rows(const Sort& sort, const Filter* filter, std::vector<ListRowChange>& rows) {
    const auto tells = told_by(sort, filter);
    const bool same_cover = same_covers[static_cast<std::size_t>(tells)];
    const bool same_keys = same_groups && same_values[sort.column] &&
                           (filter == nullptr || same_values[filter->column]);
    if (same_keys && same_cover) return;
    const auto& index = layout.index(sort, filter);
    const auto put = [&](std::string key) {
      rows.push_back({index, std::move(key), new_cover(tells)});
    };
    if (same_keys || !has_rows(old_item)) {
      each_key(*new_item, sort, filter, put);
      return;
    }
    const auto before = keys(old_item, sort, filter);
    auto after = keys(new_item, sort, filter);
    for (const auto& key : before) {
      if (!std::ranges::binary_search(after, key)) rows.push_back({index, key, {}});
    }
    for (auto& key : after) {
      if (same_cover && std::ranges::binary_search(before, key)) continue;
      put(std::move(key));
    }
  }

  void add_counts(std::vector<ListCountChange>& counts) const {
    std::map<std::string, std::int64_t> sums;
    for (const auto& [item, by] : {std::pair{old_item, -1}, std::pair{new_item, 1}}) {
      if (same_groups || !has_rows(item)) continue;
      for (const auto& group : item->groups) sums[layout.count(group, nullptr, {})] += by;
    }
    for (const auto& filter : layout.filters_) {
      if (filter.compare == ListFilter::Compare::range) continue;
      if (same_groups && same_values[filter.column]) continue;
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
  std::vector<bool> same_values;
  std::array<bool, 3> same_covers{};  ///< by what they tell of
  std::array<std::string, 3> new_covers;
};

void ListLayout::change(const ListedItem* before, const ListedItem* after,
                        std::vector<ListRowChange>& rows,
                        std::vector<ListCountChange>& counts) const {
  if (!Change::has_rows(before) && !Change::has_rows(after)) return;
  Change change{*this, before, after};
  if (change.is_none()) return;
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
