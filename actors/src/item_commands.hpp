// SPDX-License-Identifier: Apache-2.0
// add_items: gives a resource kind the commands and queries of perdure/actors/items.hpp.
#pragma once

#include <functional>
#include <string>

#include "collection.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

/// Items are stored as their fields and: id, created_at, updated_at, created_by, updated_by, rank,
/// deleted_at when deleted, and whatever the hooks keep in `internal`.
struct ItemRules {
  std::string one;            ///< `page`; commands are named by it
  std::string many;           ///< `pages`; entries too, and the count in the root's `internal`
  std::string parent_member;  ///< `notebook_id`
  Fields fields;
  std::vector<CollectionRules::Filter> filters = {};
  std::vector<std::string> references = {};  ///< fields that `move` may set beside `position`
  std::size_t count_max = 0;                 ///< live and deleted together

  /// Called before an item is written by create, update and move; `before` is none for a create.
  std::function<Result<void>(Turn&, const std::optional<Json>& before, Json& next)> settle = {};
  /// Called for every item that leaves in a reply.
  std::function<void(const EntryReader&, Json& item)> present = {};
  /// False when no item can match the filters; null: all can.
  std::function<bool(const EntryReader&, const ListQuery&)> can_match = {};
  /// Called when an item is purged, to erase what belongs to it.
  std::function<void(Entries&, const Json& item)> purged = {};
};

/// The member of `internal` that says when the oldest of the deleted items was deleted; null: none.
[[nodiscard]] std::string oldest_deleted_member(const std::string& many);

/// Shape  the kind's `internal` has `<many>` with the value 0, and its oldest_deleted_member with
///        null; items are sorted by `position` (the default) and `updated_at`.
void add_items(KindBuilder<ResourceState>& builder, ItemRules rules);

/// The collection that `add_items` keeps such items in.
[[nodiscard]] Collection collection_of(const std::string& many,
                                       std::vector<CollectionRules::Filter> filters = {});

/// An item as clients see it.
[[nodiscard]] Json item_body(const ObjectMeta& parent, const std::string& parent_member, Json item);

/// `/<one>`: not_found.
[[nodiscard]] Error no_such_item(const std::string& one);

}  // namespace perdure::actors
