// SPDX-License-Identifier: Apache-2.0
#include "live_references.hpp"

#include <algorithm>

#include "history.hpp"
#include "index_keys.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::runtime {

const ReferenceDefinition* LiveReferences::find(const std::string& field) const {
  const auto found = std::ranges::find(kind_.references, field, &ReferenceDefinition::field);
  return found == kind_.references.end() ? nullptr : &*found;
}

bool LiveReferences::is_dead(const ReferenceDefinition& reference, const std::string& id) {
  const auto [found, is_new] = dead_.try_emplace(ObjectId{reference.kind, id}, false);
  if (is_new) found->second = !object_exists(store_, directory_, found->first);
  return found->second;
}

Json LiveReferences::without_dead(Json state) {
  return Runtime::without_dead_references(kind_, std::move(state), [this](const ObjectId& object) {
    const auto [found, is_new] = dead_.try_emplace(object, false);
    if (is_new) found->second = !object_exists(store_, directory_, object);
    return !found->second;
  });
}

void LiveReferences::expect(const std::vector<const Json*>& states) {
  if (store_.read_cost() == storage::ReadCost::memory) return;
  std::vector<ObjectId> objects;
  std::vector<storage::Read> reads;
  for (const auto* state : states) {
    if (!state->is_object()) continue;
    for (const auto& reference : kind_.references) {
      const auto found = state->find(reference.field);
      if (found == state->end() || !found->is_string()) continue;
      ObjectId object{reference.kind, found->get<std::string>()};
      if (!validate(object) || directory_.peek(object, store_.epoch())) continue;
      if (!dead_.try_emplace(object, false).second) continue;
      reads.emplace_back(existence_of(object));
      objects.push_back(std::move(object));
    }
  }
  if (reads.empty()) return;
  const auto answers = store_.read(reads);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    dead_[objects[i]] = !is_existing(objects[i], answers[i]);
  }
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
      PERDURE_TRY(all, dead_values(layout, rows, query.groups, *filter,
                                   [&](const std::string& id) { return is_dead(*reference, id); }));
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

}  // namespace perdure::runtime
