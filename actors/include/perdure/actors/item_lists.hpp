// SPDX-License-Identifier: Apache-2.0
// Lists of items for readers that wake no object: whether an item is in a list, and where an item
// stands in its object's entries (Runtime::entries, as of any seq).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "perdure/actors/noun.hpp"
#include "perdure/runtime/object_meta.hpp"

namespace perdure::actors {

/// The key of an item's entry: `pages/<id>`. Its value is the item as it is stored, as JSON: its
/// fields, its common members, `rank`, `seq` (of its last change), and `deleted_at` if it is
/// deleted. No entry: there is no such item.
[[nodiscard]] std::string item_key(std::string_view many, std::string_view id);

/// Says whether an item, as it is stored, is in a list, on whichever page.
/// Threads  any: it is immutable, and outlives what it was made by.
using ItemMembership = std::function<bool(const Json& item)>;

/// Makes the membership of the list that `query` asks for, which is the payload of `list_<items>`
/// (items.hpp). It takes references as the item has them: whoever shows those to what is deleted as
/// null gives it an item with null.
/// Errors  invalid  as the list's.
[[nodiscard]] Result<ItemMembership> item_membership(const NounItems& items, const Json& query);

/// An item as clients see it. `parent_member` names what holds it: `notebook_id`.
[[nodiscard]] Json item_body(const ObjectMeta& parent, const std::string& parent_member, Json item);

}  // namespace perdure::actors
