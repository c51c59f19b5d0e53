// SPDX-License-Identifier: Apache-2.0
#include "earlier_item_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <set>

#include "equal_text.hpp"
#include "item_rows.hpp"
#include "perdure/base/time.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::actors {

namespace {

constexpr const char* deleted_order = "deleted";
constexpr std::array orders{"position", "updated_at"};
constexpr std::array filters{"section_id", "tags"};
constexpr char number_mark = '1';
constexpr char text_mark = '2';
constexpr char end_of_text = '\x1f';
constexpr std::size_t batch = 512;

// ---- the forms of keys of today (sortable.hpp), taken apart

constexpr char number_tag = 4;
constexpr char text_tag = 5;
constexpr char end_of_sortable_text = 1;
constexpr char escape = 2;

/// The text that begins a key, and its length in the key; of length 0: it begins with none.
struct TextInKey {
  std::string text;
  std::size_t length = 0;
};

TextInKey text_in(std::string_view key) {
  TextInKey found;
  if (key.empty() || key.front() != text_tag) return found;
  for (std::size_t i = 1; i < key.size(); ++i) {
    if (key[i] == end_of_sortable_text) {
      found.length = i + 1;
      return found;
    }
    found.text += key[i] == escape && i + 1 < key.size() ? static_cast<char>(key[++i] - 1) : key[i];
  }
  return found;
}

/// Of a number in a key, what sortable_bits gave.
std::uint64_t bits_in(std::string_view key) {
  std::uint64_t bits = 0;
  for (const char c : key.substr(1)) bits = (bits << 7) | (static_cast<unsigned char>(c) & 0x7FU);
  return bits;
}

double number_of(std::uint64_t bits) {
  constexpr auto sign = std::uint64_t{1} << 63;
  return std::bit_cast<double>((bits & sign) != 0 ? bits ^ sign : ~bits);
}

// ---- values in earlier keys

std::string earlier_value(const Json& value) {
  if (value.is_number()) return number_mark + ordered_key(sortable_bits(value.get<double>()));
  return text_mark + value.get_ref<const std::string&>() + end_of_text;
}

/// From a key of today. Times are milliseconds there.
std::string earlier_value(std::string_view key, const std::string& order) {
  const auto bits = bits_in(key);
  if (order == orders.front()) return number_mark + ordered_key(bits);
  const auto time = from_unix_ms(static_cast<std::int64_t>(number_of(bits)));
  return earlier_value(Json(format_rfc3339(time)));
}

std::string value_of_today(std::string_view earlier) {
  if (earlier.starts_with(text_mark)) {
    const auto time = parse_rfc3339(earlier.substr(1, earlier.size() - 2));
    return time ? sortable(to_unix_ms(*time)) : sortable(nullptr);
  }
  std::uint64_t bits = 0;
  std::from_chars(earlier.data() + 1, earlier.data() + earlier.size(), bits, 16);
  return sortable(number_of(bits));
}

std::string group_of(const std::string& member, const std::string& value) {
  return member + '=' + equal_text(value) + ':';
}

std::vector<std::string> values_of(const Json& item, const std::string& member) {
  const auto found = item.find(member);
  if (found == item.end() || found->is_null()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  return found->get<std::vector<std::string>>();
}

bool is_deleted(const Json& item) { return item.contains("deleted_at"); }

}  // namespace

EarlierItemRows::EarlierItemRows(std::string many, const ListLayout& live,
                                 const ListLayout& deleted)
    : many_(std::move(many)) {
  for (const auto& sort : live.sorts()) {
    auto order = live.columns()[sort.column].field;
    if (order.starts_with('$')) order.erase(0, 1);
    if (std::ranges::find(orders, order) == orders.end()) continue;
    sources_[live.index(sort, nullptr)] = {.member = {}, .order = order};
    for (const auto& filter : live.filters()) {
      const auto& member = live.columns()[filter.column].field;
      if (std::ranges::find(filters, member) == filters.end()) continue;
      sources_[live.index(sort, &filter)] = {.member = member, .order = order};
    }
  }
  sources_[deleted.index(deleted.sorts().front(), nullptr)] = {.member = {},
                                                               .order = deleted_order};
}

std::string EarlierItemRows::prefix(const std::string& group, const std::string& order) const {
  return many_ + ':' + group + order + '/';
}

std::string EarlierItemRows::first_row(const Json& item) const {
  const std::string order = is_deleted(item) ? deleted_order : orders.front();
  const auto& value = item.at(is_deleted(item) ? "deleted_at" : orders.front());
  return prefix("", order) + earlier_value(value) + item_row_id(item);
}

bool EarlierItemRows::has(const EntryReader& entries, const Json& item) const {
  return entries.get(first_row(item)).has_value();
}

std::vector<std::string> EarlierItemRows::some(const EntryReader& entries,
                                               std::size_t limit) const {
  std::vector<std::string> ids;
  for (const char* order : {orders.front(), deleted_order}) {
    if (ids.size() >= limit) break;
    const auto rows =
        entries.range(EntryRange::prefix(prefix("", order), Order::ascending, limit - ids.size()));
    for (const auto& row : rows) {
      const auto id = std::string_view{row.key}.substr(row.key.size() - item_row_id_length);
      ids.emplace_back(id_in_row(id));
    }
  }
  return ids;
}

void EarlierItemRows::erase(Entries& entries, const Json& item) const {
  if (is_deleted(item)) return entries.erase(first_row(item));
  std::set<std::string> keys;
  for (const std::string order : orders) {
    const auto place = earlier_value(item.at(order)) + item_row_id(item);
    keys.insert(prefix("", order) + place);
    for (const std::string member : filters) {
      for (const auto& value : values_of(item, member)) {
        // One of the two is there: later versions wrote values in normal form.
        keys.insert(prefix(group_of(member, value), order) + place);
        keys.insert(prefix(group_of(member, to_nfc(value)), order) + place);
      }
    }
  }
  for (const auto& key : keys) entries.erase(key);
}

std::vector<ListRow> EarlierItemRows::read(const EntryReader& entries, const std::string& index,
                                           const ListRange& range) const {
  const auto found = sources_.find(index);
  if (found == sources_.end()) return {};
  const auto& [member, order] = found->second;

  // The group, and a filter's value behind it.
  std::string_view wanted{range.from};
  std::size_t before_value = 1;
  std::string group;
  bool wants_none = false;
  if (!member.empty()) {
    wants_none = wanted.size() > 1 && wanted[1] == sortable_null;
    const auto value = text_in(wanted.substr(1));
    if (!wants_none && value.length == 0) return {};
    if (!wants_none) group = group_of(member, value.text);
    before_value += wants_none ? 1 : value.length;
  }
  const std::string shared{wanted.substr(0, before_value)};
  // No row of an earlier version is by null.
  if (!range.until.empty() && range.until <= shared + static_cast<char>(sortable_null + 1)) {
    return {};
  }

  auto earlier = EntryRange::prefix(prefix(group, order), range.order, batch);
  const auto prefix_length = earlier.from.size();
  if (range.after != nullptr) {
    const auto value = std::string_view{range.after->key}.substr(before_value);
    if (value.empty() || value.front() != number_tag) return {};
    const auto place = earlier.from + earlier_value(value, order) + range.after->id;
    if (range.order == Order::ascending) {
      earlier.from = place + '\x01';
    } else {
      earlier.until = place;
    }
  }
  std::vector<ListRow> rows;
  for (bool more = true; more;) {
    const auto entries_found = entries.range(earlier);
    more = earlier.may_go_on(entries_found);
    for (const auto& entry : entries_found) {
      if (wants_none && !values_of(entry.json(), member).empty()) continue;
      const auto rest = std::string_view{entry.key}.substr(prefix_length);
      const auto id = rest.size() - item_row_id_length;
      ListRow row{.key = shared + value_of_today(rest.substr(0, id)),
                  .id = std::string{rest.substr(id)},
                  .cover = {}};
      if (row.key < range.from || (!range.until.empty() && row.key >= range.until)) continue;
      rows.push_back(std::move(row));
      if (rows.size() >= range.limit) return rows;
    }
    if (more) earlier = earlier.after(entries_found);
  }
  return rows;
}

}  // namespace perdure::actors
