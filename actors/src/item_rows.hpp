// SPDX-License-Identifier: Apache-2.0
// ItemRows: the rows of lists of items (perdure/runtime/list_layout.hpp) in the entries of the
// object that holds the items.
//
//   pages:$list.position/<key>/<rank><id>       → cover
//   pages:$list.position=tag/<key>/<rank><id>   → cover
//   pages:$count/<name>                         → how many items of a group have a value
//   pages:lists                                 → ItemListState
//
// <key> is the key of the layout's row in digits that sort as its bytes do: keys of entries are
// text. <rank><id> is what the list engine knows a row by, so of equals the item with the lower
// rank stands first, and of one rank the one with the lower id. <name> is the name of a count of
// the layout in the same digits; a count of 0 has no entry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/runtime/entries.hpp"
#include "perdure/runtime/list_plan.hpp"

namespace perdure::actors {

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
  /// While rows are made anew: items up to this id have them, the others have none. Counts are of
  /// those that have.
  std::optional<std::string> built_to = {};
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

/// What the keys of all rows, counts and the state begin with; no item's does.
[[nodiscard]] std::string item_rows_prefix(const std::string& many);
[[nodiscard]] std::string item_list_state_key(const std::string& many);
/// The key of the entry of a row.
[[nodiscard]] std::string item_row_key(const std::string& many, const std::string& row_id,
                                       const ListRowChange& row);
/// The key of the entry of a count; the counts of whole groups stand in the state.
[[nodiscard]] std::string item_count_key(const std::string& many, const std::string& name);

/// Carries out changes of the counts of values.
void change_item_count(Entries& entries, const std::string& many, const ListCountChange& change);

/// Carries out changes of the rows of one item.
void write_item_rows(Entries& entries, const std::string& many, const std::string& row_id,
                     const std::vector<ListRowChange>& rows);

/// Lifetime  borrows everything it is made of.
class ItemRows final : public ListRows {
 public:
  ItemRows(const EntryReader& entries, const std::string& many, const ItemListState& state)
      : entries_(entries), many_(many), state_(state) {}

  [[nodiscard]] Result<std::vector<ListRow>> read(const std::string& index,
                                                  const ListRange& range) const override;
  [[nodiscard]] Result<std::optional<std::uint64_t>> count(const std::string& name) const override;

 private:
  const EntryReader& entries_;
  const std::string& many_;
  const ItemListState& state_;
};

}  // namespace perdure::actors
