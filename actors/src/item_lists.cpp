// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/item_lists.hpp"

#include <memory>

#include "item_query.hpp"

namespace perdure::actors {

std::string item_key(std::string_view many, std::string_view id) {
  std::string key{many};
  key += '/';
  return key += id;
}

Result<ItemMembership> item_membership(const NounItems& items, const Json& query) {
  // The plan borrows the layout.
  const auto layout = std::make_shared<const ListLayout>(items.lists);
  PERDURE_TRY(asked, read_item_query(query, items.lists));
  const bool wants_deleted = asked.lives == ItemQuery::Lives::deleted;
  asked.list.cursor.clear();
  PERDURE_TRY(plan, plan_of_items(*layout, asked, items.many));
  return ItemMembership{[layout, wants_deleted, plan = std::move(plan)](const Json& item) {
    return item.contains("deleted_at") == wants_deleted &&
           plan.holds([&](const std::string& field) { return item_field(item, field); });
  }};
}

}  // namespace perdure::actors
