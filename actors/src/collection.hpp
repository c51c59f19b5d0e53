// SPDX-License-Identifier: Apache-2.0
// Collection: many items in the entries of one object, found by id and listed as their ListRules
// say (perdure/runtime/list_rules.hpp).
//
// An item is one entry, `pages/<id>`. Beside it stand the rows of its lists (item_rows.hpp), and
// counts of them, written and erased in the same turn. Deleted items have the same rows in a group
// of their own, and one row more: by the time of their deletion.
//
// Rows are made by rules. An object whose rows were made by others (its lists are declared
// otherwise now, or it was taken back to before that) is *unbuilt*: `build` erases all rows and
// makes them again, a part at a time, in the order of the items' ids. Until it is done, an item
// that it has come to has rows and the others have none, so writes go on; whatever reads rows is
// refused as index_building.
//
// Limits  an item with n filter values (tags) has (1 + n) rows for each sort. A row's key holds at
//         most 3,072 bytes, in digits that take four bytes for three: one text of 500 characters.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "item_query.hpp"
#include "item_rows.hpp"

namespace perdure::actors {

/// How an object shows its items. Empty functions: as they are stored.
struct ItemView {
  std::function<Json(Json stored)> present = {};
  /// Fields that hold ids of other items.
  std::vector<std::string> references = {};
  /// Whether such an id reads as null, since what it names is gone.
  std::function<bool(const std::string& field, const std::string& id)> is_dead = {};

  /// A field as lists name it.
  [[nodiscard]] Json field(const Json& item, const std::string& name) const;
  [[nodiscard]] bool is_reference(const std::string& name) const;
};

/// Items are JSON objects with at least: `id` (a UUID), `rank` (an integer, which decides between
/// equals), `updated_at`, and `deleted_at` (date-time) when they are deleted.
///
/// Threads  any: it holds only rules.
/// Errors   index_building, as a Failure, of what reads rows while they are being made.
class Collection {
 public:
  Collection(std::string many, const ListRules& rules);

  [[nodiscard]] const ListRules& rules() const { return live_.rules(); }
  /// What of the rules rows depend on, in short.
  [[nodiscard]] const std::string& made_by() const { return made_by_; }

  /// Live or deleted.
  [[nodiscard]] std::optional<Json> find(const EntryReader& entries, const std::string& id) const;
  [[nodiscard]] std::optional<Json> find_live(const EntryReader& entries,
                                              const std::string& id) const;

  /// Writes an item, and what turns the rows of `before`, as it was read, into its own (none for a
  /// new item).
  void put(Entries& entries, const std::optional<Json>& before, const Json& item) const;
  /// Removes an item without a trace.
  void erase(Entries& entries, const Json& item) const;

  [[nodiscard]] bool is_built(const EntryReader& entries) const;
  enum class Built { already, done, more };
  /// Makes some of the rows that are not there: at most some 1,500 changes of entries, and items of
  /// some 2 MiB are read for it.
  Built build(Entries& entries) const;
  /// What is wrong with the rows; nothing while they are being made. Reads all items and rows.
  [[nodiscard]] std::vector<std::string> check(const EntryReader& entries) const;

  /// {items, next_cursor}, and `total` or `total_at_least` if they are asked for. Errors: invalid,
  /// as a payload's.
  [[nodiscard]] Result<Json> list(const EntryReader& entries, const ItemQuery& query,
                                  const ItemView& view = {}) const;

  /// The item that stands last by `sort`, which all have a value of, if there is any live one.
  [[nodiscard]] std::optional<Json> last(const EntryReader& entries, const std::string& sort) const;
  /// At most `limit` deleted items, those deleted first in front.
  [[nodiscard]] std::vector<Json> oldest_deleted(const EntryReader& entries,
                                                 std::size_t limit) const;

 private:
  [[nodiscard]] ItemListState state_of(const EntryReader& entries) const;
  [[nodiscard]] ItemListState state_of(const EntryReader& entries,
                                       const std::optional<ItemListState>& stored) const;
  [[nodiscard]] ItemListState built_state(const EntryReader& entries) const;
  [[nodiscard]] ListedItem listed(const ListLayout& layout, const Json& item) const;
  /// The count of a whole group, which the state has; null: it is another one.
  [[nodiscard]] std::int64_t* count_in(ItemListState& state, const std::string& name) const;
  /// Both give how many rows and counts they changed.
  std::size_t write_rows(Entries& entries, const Json* before, const Json* after,
                         ItemListState& state) const;
  std::size_t change(Entries& entries, const ListLayout& layout, const Json* from, const Json* to,
                     ItemListState& state) const;
  /// Erases some rows, counts and nothing else. True: none is left.
  [[nodiscard]] bool erase_some(Entries& entries) const;
  [[nodiscard]] Result<ListNulls> nulls_of(const ListLayout& layout, const ItemRows& rows,
                                           const std::string& group, const ListCondition& condition,
                                           const ItemView& view) const;
  [[nodiscard]] std::vector<ListRow> rows_from(const EntryReader& entries, const ListLayout& layout,
                                               const std::string& sort,
                                               const ListRange& range) const;
  [[nodiscard]] Json item_of(const EntryReader& entries, const ListRow& row) const;

  std::string many_;
  ListLayout live_;
  ListLayout by_deletion_;  ///< of deleted ones, beside the rows of all
  std::string made_by_;
};

}  // namespace perdure::actors
