// SPDX-License-Identifier: Apache-2.0
// add_items: gives a resource kind the commands and queries of perdure/actors/items.hpp.
#pragma once

#include <functional>
#include <string>

#include "collection.hpp"
#include "perdure/actors/item_lists.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

/// Items are stored as their fields and: id, created_at, updated_at, created_by, updated_by, rank,
/// deleted_at when deleted, and whatever the hooks keep in `internal`.
struct ItemRules {
  /// Commands are named by `one` and `many`, entries by `many`, and the count in the root's
  /// `internal`.
  NounItems items;
  std::string parent_member;  ///< `notebook_id`
  Fields fields;
  std::size_t count_max = 0;  ///< live and deleted together

  /// Called before an item is written by create, update and move; `before` is none for a create.
  std::function<void(Turn&, const std::optional<Json>& before, Json& next)> settle = {};
  /// Called when an item is purged, to erase what belongs to it.
  std::function<void(Entries&, const Json& item)> purged = {};
};

/// The member of `internal` that says when the oldest of the deleted items was deleted; null: none.
[[nodiscard]] std::string oldest_deleted_member(const std::string& many);

/// The command that makes a part of the rows of lists: `build_pages`.
[[nodiscard]] std::string build_command(const std::string& many);

/// Shape  the kind's `internal` has `<many>` with the value 0, and its oldest_deleted_member with
///        null; one of the sorts is `position`.
/// Returns what the kind calls when it settles (KindBuilder::on_settle): it tells of the items that
/// came, changed or went with the state, and has rows made that are not those of today.
using ItemSettler = std::function<void(Turn&, ResourceState&)>;
ItemSettler add_items(KindBuilder<ResourceState>& builder, ItemRules rules);

/// One of the items that `add_items` keeps, unless it is deleted.
[[nodiscard]] std::optional<Json> find_live_item(const EntryReader& entries,
                                                 const std::string& many, const std::string& id);

/// `/<one>`: not_found.
[[nodiscard]] Error no_such_item(const std::string& one);

}  // namespace perdure::actors
