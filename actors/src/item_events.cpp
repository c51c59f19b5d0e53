// SPDX-License-Identifier: Apache-2.0
#include "item_events.hpp"

#include <algorithm>
#include <array>

#include "perdure/actors/item_lists.hpp"
#include "perdure/actors/items.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

namespace {

/// Members that move with every change.
bool is_told(const std::string& member) {
  constexpr std::array silent{"updated_at", "updated_by", "created_at", "created_by",
                              "rank",       "deleted_at", item_seq,     "id"};
  return std::ranges::find(silent, member) == silent.end() && member != internal_member;
}

Json parent_of(const Turn& turn) {
  return {{"kind", turn.object().kind}, {"id", turn.object().id}};
}

/// What became of an item; empty: nothing that clients see.
const char* verb_of(const std::optional<Json>& before, const std::optional<Json>& after) {
  const bool was_live = before && !before->contains("deleted_at");
  const bool is_live = after && !after->contains("deleted_at");
  if (was_live && is_live) return changed_members(before, *after).empty() ? "" : "updated";
  if (is_live) return before ? "restored" : "created";
  if (was_live) return "deleted";
  if (before && !after) return "purged";
  return before ? "" : "deleted";
}

std::optional<Json> item_of(const std::optional<std::string>& stored) {
  if (!stored) return {};
  auto item = parse_stored_json(*stored);
  if (!item) throw Failure{std::move(item).error()};
  return std::move(*item);
}

}  // namespace

std::int64_t this_seq(const Turn& turn) { return static_cast<std::int64_t>(turn.meta().seq) + 1; }

Json changed_members(const std::optional<Json>& before, const Json& next) {
  auto changed = Json::array();
  for (const auto& [name, value] : next.items()) {
    if (!is_told(name)) continue;
    const bool differs = before ? before->value(name, Json()) != value : !value.is_null();
    if (differs) changed.push_back(name);
  }
  return changed;
}

void publish_item(const NounItems& items, Turn& turn, const char* verb, const Json& item,
                  Json changed) {
  turn.publish(items.one + '.' + verb, {{"id", item.at("id")},
                                        {"seq", this_seq(turn)},
                                        {"parent", parent_of(turn)},
                                        {"changed", std::move(changed)}});
}

void tell_of_items(const NounItems& items, Turn& turn) {
  std::size_t told = 0;
  Json others{{"created", 0}, {"updated", 0}, {"deleted", 0}, {"restored", 0}, {"purged", 0}};
  turn.each_changed(item_key(items.many, ""),
                    [&](std::string_view, const auto& stored_before, const auto& stored_after) {
                      const auto before = item_of(stored_before);
                      const auto after = item_of(stored_after);
                      const std::string verb = verb_of(before, after);
                      if (verb.empty()) return;
                      if (told >= told_items_max) {
                        others[verb] = others[verb].get<std::int64_t>() + 1;
                        return;
                      }
                      ++told;
                      const bool has_members = verb == "created" || verb == "updated";
                      publish_item(items, turn, verb.c_str(), after ? *after : *before,
                                   has_members ? changed_members(before, *after) : Json::array());
                    });
  const bool are_more = std::ranges::any_of(others, [](const Json& count) { return count != 0; });
  if (!are_more) return;
  others["seq"] = this_seq(turn);
  others["parent"] = parent_of(turn);
  turn.publish(items.one + '.' + std::string{item_topic::many_changed}, std::move(others));
}

}  // namespace perdure::actors
