// SPDX-License-Identifier: Apache-2.0
// ItemRows: the rows of lists of items (perdure/runtime/list_layout.hpp) in the entries of the
// object that holds the items.
//
//   pages:$list.position/<key>/<rank><id>       → cover
//   pages:$list.position=tag/<key>/<rank><id>   → cover
//   pages:lists                                 → ItemListState
//
// <key> is the key of the layout's row in digits that sort as its bytes do: keys of entries are
// text. <rank><id> is what the list engine knows a row by, so of equals the item with the lower
// rank stands first, and of one rank the one with the lower id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/runtime/entries.hpp"
#include "perdure/runtime/list_plan.hpp"

namespace perdure::actors {

class EarlierItemRows;

/// The groups that items stand in.
namespace item_group {
inline const std::string live = "l";
inline const std::string deleted = "d";
}  // namespace item_group

/// What is known of all rows of one sort of items in an object. It stands in an entry, so that it
/// comes and goes with the rows: in exports, and when the object is taken back to its past.
struct ItemListState {
  std::string rules;  ///< by which the rows were made
  std::int64_t live = 0;
  std::int64_t deleted = 0;
  /// Some items still have the rows of versions up to 0.1.0; the counts leave those out.
  bool has_earlier = false;
  bool operator==(const ItemListState&) const = default;
};

/// None: no item was written since version 0.1.0, or ever.
[[nodiscard]] std::optional<ItemListState> read_item_list_state(const EntryReader& entries,
                                                                const std::string& many);
void write_item_list_state(Entries& entries, const std::string& many, const ItemListState& state);

/// What the rows of an item are known by: its rank and its id.
[[nodiscard]] std::string item_row_id(const Json& item);
/// The item's id in that.
[[nodiscard]] std::string_view id_in_row(std::string_view row_id);
inline constexpr std::size_t item_row_id_length = 16 + 36;

/// Carries out changes of the rows of one item.
void write_item_rows(Entries& entries, const std::string& many, const std::string& row_id,
                     const std::vector<ListRowChange>& rows);

/// Lifetime  borrows everything it is made of.
class ItemRows final : public ListRows {
 public:
  /// `earlier` is null where no item has rows of an earlier version.
  ItemRows(const EntryReader& entries, const std::string& many, const ItemListState& state,
           const EarlierItemRows* earlier)
      : entries_(entries), many_(many), state_(state), earlier_(earlier) {}

  [[nodiscard]] Result<std::vector<ListRow>> read(const std::string& index,
                                                  const ListRange& range) const override;
  /// Of whole groups. How many have a value is not kept: that would be an entry for each value
  /// which an item has, in each turn that brings it or takes it away.
  [[nodiscard]] Result<std::optional<std::uint64_t>> count(const std::string& name) const override;

 private:
  [[nodiscard]] std::vector<ListRow> read_own(const std::string& index,
                                              const ListRange& range) const;

  const EntryReader& entries_;
  const std::string& many_;
  const ItemListState& state_;
  const EarlierItemRows* earlier_;
};

}  // namespace perdure::actors
