// SPDX-License-Identifier: Apache-2.0
// LogQuery: the payload of a list over a log, read and checked; scan: one page of a log.
//
// A log is what only grows at its end, in the order of its keys: messages, revisions, attempts. Its
// lists are plain ranges and need no rows; all else is listed by ListRules (item_query.hpp).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "perdure/actors/items.hpp"
#include "perdure/runtime/entries.hpp"

namespace perdure::actors {

/// What the list of a log can be asked for.
struct ListShape {
  std::vector<std::string> sorts;  ///< the first one is the default
  Order default_order = Order::ascending;
  std::vector<std::string> filters = {};
  std::vector<std::string> others = {};  ///< members that the query reads itself
};

struct LogQuery {
  std::size_t limit = list::limit_default;
  std::string cursor = {};
  std::string sort = {};
  Order order = Order::ascending;
  std::map<std::string, std::string> filters = {};
};

/// Errors  invalid: a member that the shape does not have, or a value of the wrong form.
[[nodiscard]] Result<LogQuery> read_list_query(const Json& payload, const ListShape& shape);

/// Rows of one ordered prefix, from a cursor on.
struct Scan {
  std::string prefix;
  Order order = Order::ascending;
  std::size_t limit = list::limit_default;
  std::string cursor = {};
  /// If set: only rows whose keys are above this one.
  std::string above = {};
};

/// Gives the item of a row; null leaves the row out.
using RowReader = std::function<Json(const Entry& row)>;

/// {items, next_cursor}. Looks at no more than limits::page_rows_max rows, and gives no more
/// than limits::page_items_bytes_max of items: past either the page comes short, with a cursor.
/// Errors  invalid  the cursor belongs to another list.
[[nodiscard]] Result<Json> scan(const EntryReader& entries, const Scan& scan,
                                const RowReader& read);

}  // namespace perdure::actors
