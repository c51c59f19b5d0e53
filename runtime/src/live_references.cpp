// SPDX-License-Identifier: Apache-2.0
#include "live_references.hpp"

#include <algorithm>

#include "history.hpp"
#include "index_keys.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t values_max = 1'000;

}  // namespace

const ReferenceDefinition* LiveReferences::find(const std::string& field) const {
  const auto found = std::ranges::find(kind_.references, field, &ReferenceDefinition::field);
  return found == kind_.references.end() ? nullptr : &*found;
}

bool LiveReferences::is_dead(const ReferenceDefinition& reference, const std::string& id) {
  const auto [found, is_new] = dead_.try_emplace(ObjectId{reference.kind, id}, false);
  if (is_new) found->second = !object_exists(store_, directory_, found->first);
  return found->second;
}

Json LiveReferences::value(const std::string& field, const ObjectView& view) {
  auto value = field_value(field, view.meta, view.state);
  if (!value.is_string()) return value;
  const auto* reference = find(field);
  if (reference == nullptr || !is_dead(*reference, value.get_ref<const std::string&>())) {
    return value;
  }
  return nullptr;
}

Result<void> LiveReferences::resolve(const ListLayout& layout, const ListRows& rows,
                                     ListQuery& query) {
  for (const auto& condition : query.where) {
    const auto* filter = layout.find_filter(condition.name);
    if (filter == nullptr || condition.values.empty()) continue;
    const auto* reference = find(layout.columns()[filter->column].field);
    if (reference == nullptr) continue;
    ListNulls nulls;
    if (std::ranges::count(condition.values, Json(nullptr)) > 0) {
      PERDURE_TRY(all, dead_values(layout, rows, query.groups, *filter, *reference));
      nulls = std::move(all);
    }
    for (const auto& value : condition.values) {
      if (!value.is_string() || !is_dead(*reference, value.get<std::string>())) continue;
      nulls.values.push_back(layout.encode(layout.columns()[filter->column], value));
    }
    query.nulls.emplace(condition.name, std::move(nulls));
  }
  return {};
}

Result<ListNulls> LiveReferences::dead_values(const ListLayout& layout, const ListRows& rows,
                                              const std::vector<std::string>& groups,
                                              const ListLayout::Filter& filter,
                                              const ReferenceDefinition& reference) {
  ListNulls nulls;
  const auto& index = layout.index(layout.sorts().front(), &filter);
  const std::string null_value(1, sortable_null);
  std::size_t seen = 0;
  for (const auto& group : groups) {
    ListRange range{.from = storage::prefix_end(group + null_value),
                    .until = storage::prefix_end(group),
                    .limit = 1};
    for (;;) {
      PERDURE_TRY(found, rows.read(index, range));
      if (found.empty()) break;
      if (++seen > values_max) return ListNulls{.known = ListNulls::Known::no};
      const auto value = first_sortable(std::string_view{found.front().key}.substr(group.size()));
      range.from = storage::prefix_end(group + std::string{value});
      const auto id = text_of_sortable(value);
      if (id && is_dead(reference, *id)) nulls.values.emplace_back(value);
    }
  }
  return nulls;
}

}  // namespace perdure::runtime
