// SPDX-License-Identifier: Apache-2.0
// ListPlan: one page of a list, or its count, out of the rows that a ListLayout makes. Objects and
// items in objects are listed by it alike; where rows come from is a ListRows.
//
// Any sort with at most one filter is one range (or several, merged: one for each value and group).
// Of several filters the rows of the one that holds for the fewest are walked along, the others are
// checked on the cover; past a run of rows that do not fit it leaps to where all of them have rows
// again. A range filter on another field than the sort's may hold for few: what it holds for is
// then gathered along its own rows, and sorted.
//
// Cursor  says what was passed last, by its value and id, and which list it is of. What is in the
//         list all the time is neither skipped nor shown twice, whatever else changes.
// Order   what has no value comes last, in both orders; equals stand by id.
// Limits  a page looks at limits::page_rows_max rows: past them it comes short, with a cursor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdure/runtime/inspect.hpp"
#include "perdure/runtime/list_layout.hpp"

namespace perdure {

struct ListRow {
  std::string key;
  std::string id;
  std::string cover;
  std::size_t looked = 1;  ///< rows that were looked at for it: those left out before it, too
};

/// Says whether an item may be wanted, by its cover.
using ListFit = std::function<bool(std::string_view cover)>;

/// Keys `from <= key < until`; bounds are whole keys or beginnings of keys.
struct ListRange {
  std::string from;
  std::string until;
  Order order = Order::ascending;
  std::size_t limit = 100;
  const ListRow* after = nullptr;  ///< only what stands behind it, whether or not it is there
  /// Rows to which it says no may be left out where they are read; null: all are wanted.
  const ListFit* fits = nullptr;
  /// A read that leaves rows out ends with the row, wanted or not, that is so many rows on.
  std::size_t looked_max = 512;
};

/// What is read of an index.
struct ListRead {
  std::string index;
  ListRange range;
};

/// Where rows come from. Errors: the store's.
class ListRows {
 public:
  virtual ~ListRows() = default;
  [[nodiscard]] virtual Result<std::vector<ListRow>> read(const std::string& index,
                                                          const ListRange& range) const = 0;
  /// Whether a read costs a round trip: few reads of more rows are better then.
  [[nodiscard]] virtual bool is_slow() const { return false; }
  /// Reads that are likely to come next, so that they may be done in one. What fails of them is
  /// told by `read`. Lifetime: what the ranges point at is there until it returns.
  virtual void expect(const std::vector<ListRead>& /*reads*/) const {}
  /// A count of the layout; none: it is not kept.
  [[nodiscard]] virtual Result<std::optional<std::uint64_t>> count(
      const std::string& name) const = 0;
};

/// Values of a filter that are null to who asks: see LiveReferences in the runtime's sources.
struct ListNulls {
  enum class Known {
    yes,
    no,  ///< `values` are not all: what has another value than null is looked at
  } known = Known::yes;
  std::vector<std::string> values = {};  ///< as columns hold them
};

/// The values of a filter by a reference, among those that the rows of some groups have, that are
/// null to who asks, as `is_dead` says of the ids.
/// Limits  goes through 1,000 different values; of more it says that they are not known.
[[nodiscard]] Result<ListNulls> dead_values(const ListLayout& layout, const ListRows& rows,
                                            const std::vector<std::string>& groups,
                                            const ListLayout::Filter& filter,
                                            const std::function<bool(const std::string&)>& is_dead);

struct ListQuery {
  std::string name;                 ///< of what is listed: a cursor is bound to it
  std::vector<std::string> groups;  ///< listed together; each item once
  std::string sort;                 ///< empty: the default's
  Order order = Order::ascending;
  std::vector<ListCondition> where = {};
  std::size_t limit = 50;
  std::string cursor = {};
  std::map<std::string, ListNulls> nulls = {};  ///< by the filter; a cursor is not bound to them
};

/// A condition, as columns hold values.
struct ListTest {
  const ListLayout::Filter* filter = nullptr;
  std::size_t column = 0;
  std::vector<std::string> values = {};  ///< one of them is there; sorted
  std::string above = {};                ///< without `values`; empty: no bound
  std::string below = {};
  ListNulls::Known known = ListNulls::Known::yes;
  std::vector<std::string> asked = {};  ///< what an item's own fields are compared with

  [[nodiscard]] bool is_range() const { return values.empty(); }
  /// Whether all that it holds for has rows by its values.
  [[nodiscard]] bool has_rows() const {
    return filter->compare == ListFilter::Compare::equality && known == ListNulls::Known::yes;
  }
  /// Of a value that rows have.
  [[nodiscard]] bool holds(std::string_view value) const;
  /// Of one that the item's field has, where what is null to who asks is null.
  [[nodiscard]] bool holds_for_field(std::string_view value) const;
};

/// What a page has passed: a value of the sort, and an id.
struct ListMark {
  std::string value;
  std::string id;
};

/// Lifetime  borrows the layout.
class ListPlan {
 public:
  /// Errors: invalid (`sort`, `cursor`, `limit`, the name of a filter).
  [[nodiscard]] static Result<ListPlan> make(const ListLayout& layout, ListQuery query);

  /// Whether an item meets the conditions, as it is now. Asks for fields of conditions only.
  [[nodiscard]] bool holds(const ListFields& fields) const;

  /// Is shown the items of the page by their rows, and passes over those that do not hold: covers
  /// do not tell everything. Its errors end the page.
  using Show = std::function<Result<Shown>(const ListRow& row)>;
  [[nodiscard]] Result<ListEnd> page(const ListRows& rows, const Show& show) const;

  /// Says of an item whose cover does not tell whether it meets the conditions.
  using Check = std::function<Result<bool>(const ListRow& row)>;
  /// Exact without conditions and with one filter where counts are kept, and up to 10,000 else.
  [[nodiscard]] Result<ListTotal> count(const ListRows& rows, const Check& check) const;

  [[nodiscard]] const ListLayout& layout() const { return *layout_; }
  [[nodiscard]] const ListQuery& query() const { return query_; }
  [[nodiscard]] const ListLayout::Sort& sort() const { return *sort_; }
  [[nodiscard]] const std::vector<ListTest>& tests() const { return tests_; }
  [[nodiscard]] const std::optional<ListMark>& after() const { return after_; }
  [[nodiscard]] std::string cursor(const ListMark& mark) const;

 private:
  explicit ListPlan(const ListLayout& layout) : layout_(&layout) {}
  [[nodiscard]] Result<void> add_test(const ListCondition& condition, const ListQuery& query);
  [[nodiscard]] Result<void> read_cursor();
  [[nodiscard]] std::uint32_t fingerprint() const;

  const ListLayout* layout_;
  ListQuery query_;
  const ListLayout::Sort* sort_ = nullptr;
  std::vector<ListTest> tests_;
  std::optional<ListMark> after_;
};

}  // namespace perdure
