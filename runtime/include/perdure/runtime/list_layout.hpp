// SPDX-License-Identifier: Apache-2.0
// ListLayout: the rows that ListRules ask for, and what turns the rows of an item into those of its
// next version. The same for objects (rows of indexes) and for items in one (entries).
//
// An item stands in groups: those of its owner, of everybody, of each who shares it. For each sort
// it has one row a group, and one more for each value that an equality filter can ask for:
//
//   $list.title           group title                 → cover
//   $list.title.status    group status title          → cover
//
// So any sort with at most one filter is one range. The cover says what the item has for all
// filters, so that further conditions are checked without reading the item. What changes with each
// turn (`$updated_at`) is left out of it. Rows of a sort alone are only read where no equality
// filter is asked for, and tell of range filters; but those that a range filter walks along tell
// of everything, the values of sorts too. So a change rewrites few rows.
//
// Limits  an array gives a row for each of its first 100 elements. Of a column that takes more than
//         256 bytes the cover says nothing: the item is read then.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/codec.hpp"
#include "perdure/base/result.hpp"
#include "perdure/runtime/list_rules.hpp"

namespace perdure {

/// Gives a field of an item, as ListRules name it; null when the item has none.
using ListFields = std::function<Json(const std::string& field)>;

/// What an item has in each column of a layout, encoded: at least one value each.
using ListValues = std::vector<std::vector<std::string>>;

/// An item as its rows see it.
struct ListedItem {
  ListValues values;
  std::vector<std::string> groups;  ///< sorted; none: it has no rows
};

struct ListRowChange {
  std::string index;
  std::string key;
  std::optional<std::string> cover;  ///< none: the row goes
};

/// How many items of a group have a value, or are in the group at all.
struct ListCountChange {
  std::string name;
  std::int64_t by = 0;
};

/// Threads  any: it is immutable.
class ListLayout {
 public:
  /// A field in one of the forms in which lists compare it.
  struct Column {
    enum class Form { plain, ranked, time };
    std::string field;
    Form form = Form::plain;
    std::vector<std::string> order = {};  ///< of a ranked one
    bool operator==(const Column&) const = default;
  };
  struct Filter {
    std::string name;
    std::size_t column = 0;
    ListFilter::Compare compare = ListFilter::Compare::equality;
    std::size_t place = 0;  ///< among all filters
  };
  /// A declared one, or the order of a range filter's field (without a name).
  struct Sort {
    std::string name;
    std::size_t column = 0;
    bool covers_all = false;  ///< its own rows do: a range filter walks along them
    std::size_t place = 0;    ///< among all sorts
  };

  explicit ListLayout(ListRules rules);

  [[nodiscard]] const ListRules& rules() const { return rules_; }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] const std::vector<Filter>& filters() const { return filters_; }
  [[nodiscard]] const std::vector<Sort>& sorts() const { return sorts_; }
  [[nodiscard]] const Filter* find_filter(std::string_view name) const;
  /// A declared one; an empty name is the default's.
  [[nodiscard]] const Sort* find_sort(std::string_view name) const;
  /// The one whose rows are in the order of a column, if there is one.
  [[nodiscard]] const Sort* sort_by(std::size_t column) const;

  /// What is wrong with the rules: a name that is there twice, a default that is no sort.
  [[nodiscard]] Result<void> check() const;

  /// The index of a sort's rows, by the values of a filter if there is one.
  [[nodiscard]] const std::string& index(const Sort& sort, const Filter* filter) const {
    return index_names_[sort.place * (filters_.size() + 1) +
                        (filter == nullptr ? 0 : filter->place + 1)];
  }
  [[nodiscard]] std::vector<std::string> indexes() const;
  /// The name of a count. Without a filter: all of the group; without a value: those that have
  /// more than one for the filter.
  [[nodiscard]] std::string count(std::string_view group, const Filter* filter,
                                  std::string_view value) const;

  /// A value as a column holds it.
  [[nodiscard]] std::string encode(const Column& column, const Json& value) const;
  /// What an item has in a column, by its field: in order, each value once.
  [[nodiscard]] std::vector<std::string> values_in(const Column& column, const Json& field) const;
  [[nodiscard]] ListValues values(const ListFields& fields) const;

  /// Appends what turns the rows and counts of `before` into those of `after`; null: it has none.
  void change(const ListedItem* before, const ListedItem* after, std::vector<ListRowChange>& rows,
              std::vector<ListCountChange>& counts) const;

 private:
  std::size_t add_column(Column column);
  void add_order(std::size_t column, std::string name);
  /// What a row's cover tells of.
  enum class Tells { bounds, filters, all };
  [[nodiscard]] static Tells told_by(const Sort& sort, const Filter* filter);
  [[nodiscard]] bool is_told(std::size_t column, Tells tells) const;
  [[nodiscard]] std::string cover(const ListValues& values, Tells tells) const;
  void name_indexes();
  struct Change;

  ListRules rules_;
  std::vector<Column> columns_;
  std::vector<Filter> filters_;
  std::vector<Sort> sorts_;
  std::vector<std::string> index_names_;  ///< of each sort alone, and with each filter
};

/// What a cover says, column by column.
class ListCover {
 public:
  explicit ListCover(std::string_view cover) : in_(cover) {}
  /// The values of the next column; none: it says nothing of it. They borrow from the cover, and
  /// are there until the next call.
  [[nodiscard]] const std::vector<std::string_view>& next();

 private:
  Reader in_;
  std::vector<std::string_view> values_;
};

}  // namespace perdure
