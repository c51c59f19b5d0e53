// SPDX-License-Identifier: Apache-2.0
// Events of items: what a turn did to them.
#pragma once

#include <optional>

#include "perdure/actors/noun.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

/// The member of a stored item that holds the seq of its last change.
inline constexpr const char* item_seq = "seq";
/// Items of one sort that one turn tells of singly.
inline constexpr std::size_t told_items_max = 40;

/// The seq that the turn's record gets.
[[nodiscard]] std::int64_t this_seq(const Turn& turn);

/// The members that clients see and that differ; no `before`: those that are not null.
[[nodiscard]] Json changed_members(const std::optional<Json>& before, const Json& next);

/// Publishes `page.<verb>`.
void publish_item(const NounItems& items, Turn& turn, const char* verb, const Json& item,
                  Json changed);

/// Publishes what became of items that the turn has changed without their commands: by a restore or
/// an import. Past told_items_max it counts them, in one event `page.many_changed`.
void tell_of_items(const NounItems& items, Turn& turn);

}  // namespace perdure::actors
