// SPDX-License-Identifier: Apache-2.0
// Collection: many items in the entries of one object, found by id and listed in several orders.
//
// An item is one entry, `pages/<id>`. Beside it stand its index rows, written and erased in the
// same turn: for each sort one row among all items, and one in each group that a filter can ask
// for, so that every list is a range. A deleted item keeps its entry and has one row in `deleted`.
//
//   pages/<id>                                         the item
//   pages:position/<position><rank><id>                all items by position
//   pages:tags=work:updated_at/<time><rank><id>        those with the tag `work`, by time
//   pages:deleted/<time><rank><id>
//
// The value of a row holds what the item has for all filters, so that a second filter is checked
// without loading the item.
//
// Limits  an item with n filter values (tags) has (1 + n) rows for each sort.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "list_query.hpp"

namespace perdure::actors {

struct CollectionRules {
  std::string name;                ///< `pages`
  std::vector<std::string> sorts;  ///< members; the first is the default
  /// Query parameter and the member that it looks at: a string, or an array of strings.
  struct Filter {
    std::string parameter;
    std::string member;
  };
  std::vector<Filter> filters = {};
};

/// Items are JSON objects with at least: `id` (a UUID), the members of all sorts, `rank` (an
/// integer, which decides between equals), and `deleted_at` (date-time) when they are deleted.
///
/// Threads  any: it holds only rules.
class Collection {
 public:
  explicit Collection(CollectionRules rules) : rules_(std::move(rules)) {}

  [[nodiscard]] const CollectionRules& rules() const { return rules_; }
  [[nodiscard]] ListShape list_shape() const;

  /// Live or deleted.
  [[nodiscard]] std::optional<Json> find(const EntryReader& entries, const std::string& id) const;
  [[nodiscard]] std::optional<Json> find_live(const EntryReader& entries,
                                              const std::string& id) const;

  /// Writes an item, and the difference between its rows and those of `before`, as it was read
  /// (none for a new item).
  void put(Entries& entries, const std::optional<Json>& before, const Json& item) const;
  /// Removes an item without a trace.
  void erase(Entries& entries, const Json& item) const;

  /// {items, next_cursor} with the items as `present` gives them; empty: as they are stored.
  using ItemPresenter = std::function<Json(Json stored)>;
  [[nodiscard]] Result<Json> list(const EntryReader& entries, const ListQuery& query,
                                  const ItemPresenter& present = {}) const;

  /// The item that stands last by `sort`, if there is any live one.
  [[nodiscard]] std::optional<Json> last(const EntryReader& entries, const std::string& sort) const;
  /// At most `limit` deleted items, those deleted first in front.
  [[nodiscard]] std::vector<Json> oldest_deleted(const EntryReader& entries,
                                                 std::size_t limit) const;

 private:
  [[nodiscard]] std::string item_key(const std::string& id) const;
  [[nodiscard]] std::string row_prefix(const std::string& group, const std::string& sort) const;
  struct RowText;
  static const RowText whole_text;
  static const RowText earlier_text;  ///< of versions up to 0.1.0

  /// The index rows of a stored item.
  struct Rows {
    std::set<std::string> known;     ///< are in the store
    std::set<std::string> doubtful;  ///< one of the two forms of text is in the store
  };

  [[nodiscard]] std::set<std::string> row_keys(const Json& item, const RowText& text) const;
  [[nodiscard]] bool has_earlier_text(const Json& item) const;
  [[nodiscard]] Rows rows_of(const Json& item) const;
  void erase_rows(Entries& entries, const Rows& rows, const std::set<std::string>& wanted) const;
  [[nodiscard]] std::string row_value(const Json& item) const;
  [[nodiscard]] Json item_of(const EntryReader& entries, const Entry& row) const;

  CollectionRules rules_;
};

}  // namespace perdure::actors
