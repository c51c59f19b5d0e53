// SPDX-License-Identifier: Apache-2.0
#include "list_query.hpp"

#include <algorithm>

#include "errors.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/runtime/page.hpp"

namespace perdure::actors {

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

/// The first key above `key`: keys hold no NUL.
std::string next_key(const std::string& key) { return key + '\x01'; }

Result<void> read_limit(const Json& value, LogQuery& query) {
  const auto limit = whole_number(value);
  if (!limit || *limit < 1 || *limit > std::int64_t{list::limit_max}) {
    return fail(invalid_field("/limit", "range", "must be an integer from 1 to 500"));
  }
  query.limit = static_cast<std::size_t>(*limit);
  return {};
}

Result<void> read_sort(const std::string& text, const ListShape& shape, LogQuery& query) {
  const bool is_descending = text.starts_with('-');
  query.sort = text.substr(is_descending ? 1 : 0);
  query.order = is_descending ? Order::descending : Order::ascending;
  if (!contains(shape.sorts, query.sort)) {
    return fail(invalid_field("/sort", "unknown_sort", "is no field to sort by"));
  }
  return {};
}

Result<void> read_member(const std::string& name, const Json& value, const ListShape& shape,
                         LogQuery& query) {
  if (value.is_null() || contains(shape.others, name)) return {};
  if (name == list::limit) return read_limit(value, query);
  const bool is_filter = contains(shape.filters, name);
  if (!is_filter && name != list::cursor && name != list::sort) {
    return fail(invalid_field(pointer_to(name), "unknown_member", "is not known here"));
  }
  if (!value.is_string()) return fail(invalid_field(pointer_to(name), "type", "must be a string"));
  const auto& text = value.get_ref<const std::string&>();
  if (name == list::sort) return read_sort(text, shape, query);
  if (is_filter) {
    query.filters[name] = text;
  } else {
    query.cursor = text;
  }
  return {};
}

}  // namespace

Result<LogQuery> read_list_query(const Json& payload, const ListShape& shape) {
  LogQuery query{.sort = shape.sorts.front(), .order = shape.default_order};
  if (payload.is_null()) return query;
  PERDURE_TRY_VOID(require_object(payload));
  for (const auto& [name, value] : payload.items()) {
    PERDURE_TRY_VOID(read_member(name, value, shape, query));
  }
  return query;
}

Result<Json> scan(const EntryReader& entries, const Scan& scan, const RowReader& read) {
  // One row more than asked for tells whether another page follows.
  EntryRange range = EntryRange::prefix(scan.prefix, scan.order, scan.limit + 1);
  range.bytes_max = limits::page_items_bytes_max;
  const auto continue_after = [&](const std::string& key) {
    if (scan.order == Order::ascending) {
      range.from = std::max(range.from, next_key(key));
    } else {
      range.until = key;
    }
  };
  if (!scan.above.empty()) range.from = next_key(scan.above);
  if (!scan.cursor.empty()) {
    const auto key = from_base64url(scan.cursor);
    if (!key || !key->starts_with(scan.prefix) || key->find('\0') != std::string::npos ||
        key->size() >= limits::entry_key_bytes_max) {
      return fail(invalid_field("/cursor", "invalid_cursor", "is no next_cursor of this list"));
    }
    continue_after(*key);
  }

  PageBudget budget{{.items_max = scan.limit, .rows_max = limits::page_rows_max}};
  Json items = Json::array();
  std::string last;
  // False: the page ends before this row.
  const auto take = [&](const Entry& row) {
    if (budget.full() || !budget.look()) return false;
    if (Json item = read(row); !item.is_null()) {
      // The comma that follows counts, too.
      if (!budget.take(serialized_size(item) + 1)) return false;
      items.push_back(std::move(item));
    }
    last = row.key;
    return true;
  };
  Json next_cursor = nullptr;
  for (bool more = true; more;) {
    const auto rows = entries.range(range);
    more = range.may_go_on(rows);
    for (const Entry& row : rows) {
      if (take(row)) continue;
      next_cursor = to_base64url(last);
      more = false;
      break;
    }
    if (more) continue_after(last);
  }
  return Json{{list::items, std::move(items)}, {list::next_cursor, std::move(next_cursor)}};
}

}  // namespace perdure::actors
