// SPDX-License-Identifier: Apache-2.0
// Collection: many items in the entries of one object, found by id and listed as their ListRules
// say (perdure/runtime/list_rules.hpp).
//
// An item is one entry, `pages/<id>`. Beside it stand the rows of its lists (item_rows.hpp),
// written and erased in the same turn. A deleted item keeps its entry, and has one row: by the time
// of its deletion.
//
// Items whose rows are of an earlier version (earlier_item_rows.hpp) are listed by those. The first
// write of an item gives it rows of today, and so many others with it as a turn has room for.
//
// Limits  an item with n filter values (tags) has (1 + n) rows for each sort. A row's key holds at
//         most 3,072 bytes, in digits that take four bytes for three: one text of 500 characters.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "earlier_item_rows.hpp"
#include "item_query.hpp"
#include "item_rows.hpp"

namespace perdure::actors {

/// Items are JSON objects with at least: `id` (a UUID), `rank` (an integer, which decides between
/// equals), `updated_at`, and `deleted_at` (date-time) when they are deleted.
///
/// Threads  any: it holds only rules.
class Collection {
 public:
  Collection(std::string many, const ListRules& rules);

  [[nodiscard]] const ListRules& rules() const { return live_.rules(); }

  /// Live or deleted.
  [[nodiscard]] std::optional<Json> find(const EntryReader& entries, const std::string& id) const;
  [[nodiscard]] std::optional<Json> find_live(const EntryReader& entries,
                                              const std::string& id) const;

  /// Writes an item, and what turns the rows of `before`, as it was read, into its own (none for a
  /// new item).
  void put(Entries& entries, const std::optional<Json>& before, const Json& item) const;
  /// Removes an item without a trace.
  void erase(Entries& entries, const Json& item) const;

  /// {items, next_cursor} with the items as `present` gives them (empty: as they are stored), and
  /// `total` or `total_at_least` if they are asked for. Errors: invalid, as a payload's.
  using ItemPresenter = std::function<Json(Json stored)>;
  [[nodiscard]] Result<Json> list(const EntryReader& entries, const ItemQuery& query,
                                  const ItemPresenter& present = {}) const;

  /// The page of a list that has none.
  [[nodiscard]] static Json nothing(const ItemQuery& query);

  /// The item that stands last by `sort`, which all have a value of, if there is any live one.
  [[nodiscard]] std::optional<Json> last(const EntryReader& entries, const std::string& sort) const;
  /// At most `limit` deleted items, those deleted first in front.
  [[nodiscard]] std::vector<Json> oldest_deleted(const EntryReader& entries,
                                                 std::size_t limit) const;

 private:
  [[nodiscard]] const ListLayout& layout_of(const Json& item) const;
  /// Errors: newer_version, as a Failure.
  [[nodiscard]] std::optional<ItemListState> known_state(const EntryReader& entries) const;
  [[nodiscard]] ItemListState state_of(const EntryReader& entries) const;
  [[nodiscard]] ItemRows rows_of(const EntryReader& entries, const ItemListState& state) const;
  void write_rows(Entries& entries, const Json* before, const Json* after,
                  ItemListState& state) const;
  /// Takes the earlier rows of an item away. False: it has none.
  bool replace_earlier(Entries& entries, const Json& item, const ItemListState& state) const;
  void move_some(Entries& entries, ItemListState& state) const;
  [[nodiscard]] std::vector<ListRow> rows_from(const EntryReader& entries, const ListLayout& layout,
                                               const std::string& sort,
                                               const ListRange& range) const;
  [[nodiscard]] Json item_of(const EntryReader& entries, const ListRow& row) const;

  std::string many_;
  ListLayout live_;
  ListLayout deleted_;
  EarlierItemRows earlier_;
  std::string made_by_;
};

}  // namespace perdure::actors
