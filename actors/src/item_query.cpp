// SPDX-License-Identifier: Apache-2.0
#include "item_query.hpp"

#include <algorithm>

#include "errors.hpp"
#include "item_rows.hpp"
#include "perdure/base/time.hpp"

namespace perdure::actors {

namespace {

constexpr std::string_view after = "_after";
constexpr std::string_view before = "_before";

/// Reads the members of one payload.
class QueryReader {
 public:
  explicit QueryReader(const ListRules& rules) : rules_(rules) { take_sort(rules.default_sort); }

  Result<void> read(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (name == list::limit) return read_limit(value);
    if (name == list::cursor) return read_text(name, value, query_.list.cursor);
    if (name == list::sort) return read_sort(name, value);
    if (name == list::deleted || name == list::count) return read_flag(name, value);
    return read_filter(name, value);
  }

  Result<ItemQuery> query() && {
    const bool is_plain = !is_sorted_ && query_.list.where.empty();
    if (query_.lives == ItemQuery::Lives::deleted && is_plain) {
      query_.list.sort = sort_by_deletion;
      query_.list.order = Order::descending;
    }
    return std::move(query_);
  }

 private:
  void take_sort(std::string_view sort) {
    const bool is_descending = sort.starts_with('-');
    query_.list.sort = sort.substr(is_descending ? 1 : 0);
    query_.list.order = is_descending ? Order::descending : Order::ascending;
  }

  Result<void> read_limit(const Json& value) {
    const auto limit = whole_number(value);
    if (!limit || *limit < 1 || *limit > std::int64_t{list::limit_max}) {
      return fail(invalid_field("/limit", "range", "must be an integer from 1 to 500"));
    }
    query_.list.limit = static_cast<std::size_t>(*limit);
    return {};
  }

  static Result<void> read_text(const std::string& name, const Json& value, std::string& text) {
    if (!value.is_string()) {
      return fail(invalid_field(pointer_to(name), "type", "must be a string"));
    }
    text = value;
    return {};
  }

  Result<void> read_sort(const std::string& name, const Json& value) {
    std::string sort;
    PERDURE_TRY_VOID(read_text(name, value, sort));
    take_sort(sort);
    if (std::ranges::find(rules_.sorts, query_.list.sort, &ListSort::name) == rules_.sorts.end()) {
      return fail(invalid_field("/sort", "unknown_sort", "is no field to sort by"));
    }
    is_sorted_ = true;
    return {};
  }

  Result<void> read_flag(const std::string& name, const Json& value) {
    if (!value.is_boolean()) {
      return fail(invalid_field(pointer_to(name), "type", "must be a boolean"));
    }
    if (!value.get<bool>()) return {};
    if (name == list::count) {
      query_.total = ItemQuery::Total::asked;
    } else {
      query_.lives = ItemQuery::Lives::deleted;
    }
    return {};
  }

  Result<void> read_filter(const std::string& name, const Json& value) {
    for (const auto& filter : rules_.filters) {
      const bool is_range = filter.compare == ListFilter::Compare::range;
      const bool is_above = is_range && name == filter.name + std::string{after};
      const bool is_below = is_range && name == filter.name + std::string{before};
      if (!is_above && !is_below && (is_range || name != filter.name)) continue;
      auto& condition = condition_of(filter);
      if (is_above) condition.above = value;
      if (is_below) condition.below = value;
      if (is_range) return {};
      if (value.is_object() || (value.is_array() && value.empty())) {
        return fail(invalid_field(pointer_to(name), "type", "must be a value, or some"));
      }
      condition.values = value.is_array() ? value.get<std::vector<Json>>() : std::vector{value};
      return {};
    }
    return fail(invalid_field(pointer_to(name), "unknown_member", "is not known here"));
  }

  ListCondition& condition_of(const ListFilter& filter) {
    auto& where = query_.list.where;
    const auto found = std::ranges::find(where, filter.name, &ListCondition::name);
    if (found != where.end()) return *found;
    where.push_back({.name = filter.name});
    return where.back();
  }

  const ListRules& rules_;
  ItemQuery query_;
  bool is_sorted_ = false;  ///< the payload says by what
};

}  // namespace

Result<ItemQuery> read_item_query(const Json& payload, const ListRules& rules) {
  QueryReader reader{rules};
  if (!payload.is_null()) PERDURE_TRY_VOID(require_object(payload));
  for (const auto& [name, value] : payload.items()) PERDURE_TRY_VOID(reader.read(name, value));
  return std::move(reader).query();
}

Json item_field(const Json& item, const std::string& field) {
  const bool is_own = field.starts_with('$');
  const auto found = item.find(is_own ? field.substr(1) : field);
  if (found == item.end()) return nullptr;
  const bool is_time = is_own && field.ends_with("_at");
  if (!is_time || !found->is_string()) return *found;
  const auto time = parse_rfc3339(found->get_ref<const std::string&>());
  return time ? Json(to_unix_ms(*time)) : Json(nullptr);
}

Result<ListPlan> plan_of_items(const ListLayout& layout, const ItemQuery& query,
                               const std::string& many) {
  auto list = query.list;
  list.name = many;
  list.groups = {item_group::live};
  if (query.lives == ItemQuery::Lives::deleted) list.groups = {item_group::deleted};
  if (list.sort == sort_by_deletion) list.sort.clear();  // it is its layout's only one
  auto plan = ListPlan::make(layout, std::move(list));
  if (plan) return plan;
  auto error = std::move(plan).error();
  for (auto& field : error.fields) {
    if (!field.pointer.starts_with('/')) field.pointer = pointer_to(field.pointer);
  }
  return fail(std::move(error));
}

}  // namespace perdure::actors
