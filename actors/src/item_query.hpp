// SPDX-License-Identifier: Apache-2.0
// ItemQuery: the payload of a list of items (items.hpp), read and checked.
#pragma once

#include "perdure/actors/items.hpp"
#include "perdure/runtime/list_plan.hpp"

namespace perdure::actors {

struct ItemQuery {
  enum class Lives { live, deleted };
  enum class Total { unasked, asked };

  perdure::ListQuery list = {};  ///< without name and groups
  Lives lives = Lives::live;
  Total total = Total::unasked;
};

/// The sort of a list of deleted items that asks for none and has no filter: by the time of
/// deletion.
inline constexpr std::string_view sort_by_deletion = "$deleted_at";

/// Errors  invalid: a member that such lists do not have, or a value of the wrong form.
[[nodiscard]] Result<ItemQuery> read_item_query(const Json& payload, const ListRules& rules);

/// A field of a stored item, as lists name it.
[[nodiscard]] Json item_field(const Json& item, const std::string& field);

/// Errors: invalid, as a payload's.
[[nodiscard]] Result<ListPlan> plan_of_items(const ListLayout& layout, const ItemQuery& query,
                                             const std::string& many);

}  // namespace perdure::actors
