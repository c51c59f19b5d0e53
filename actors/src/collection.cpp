// SPDX-License-Identifier: Apache-2.0
#include "collection.hpp"

#include <algorithm>
#include <iterator>

#include "ordered_text.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

/// How text is written into the keys of rows.
struct Collection::RowText {
  std::string (*ordered)(const Json& value);
  std::string (*filtered)(std::string_view value);
};

namespace {

constexpr std::size_t uuid_length = 36;
constexpr const char* deleted_order = "deleted";

/// The strings that an item has in a member: none, one or many.
std::vector<std::string> values_of(const Json& item, const std::string& member) {
  const auto found = item.find(member);
  if (found == item.end() || found->is_null()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  return found->get<std::vector<std::string>>();
}

std::string group_of(const std::string& member, const std::string& value) {
  return member + '=' + equal_text(value) + ':';
}

}  // namespace

const Collection::RowText Collection::whole_text{
    [](const Json& value) { return ordered_text(value); }, to_nfc};
const Collection::RowText Collection::earlier_text{
    earlier_ordered_text, [](std::string_view value) { return std::string{value}; }};

ListShape Collection::list_shape() const {
  ListShape shape{.sorts = rules_.sorts, .has_deleted = true};
  for (const auto& filter : rules_.filters) shape.filters.push_back(filter.parameter);
  return shape;
}

std::string Collection::item_key(const std::string& id) const { return rules_.name + '/' + id; }

std::string Collection::row_prefix(const std::string& group, const std::string& sort) const {
  return rules_.name + ':' + group + sort + '/';
}

std::set<std::string> Collection::row_keys(const Json& item, const RowText& text) const {
  const auto tail = ordered_text(item.at("rank").get<std::int64_t>()) +
                    item.at("id").get_ref<const std::string&>();
  if (const auto deleted_at = item.find("deleted_at"); deleted_at != item.end()) {
    return {row_prefix("", deleted_order) + text.ordered(*deleted_at) + tail};
  }
  std::set<std::string> keys;
  for (const auto& sort : rules_.sorts) {
    const auto place = text.ordered(item.at(sort)) + tail;
    keys.insert(row_prefix("", sort) + place);
    for (const auto& filter : rules_.filters) {
      for (const auto& value : values_of(item, filter.member)) {
        keys.insert(row_prefix(group_of(filter.member, text.filtered(value)), sort) + place);
      }
    }
  }
  return keys;
}

bool Collection::has_earlier_text(const Json& item) const {
  for (const auto& sort : rules_.sorts) {
    if (ordered_text(item.at(sort)) != earlier_ordered_text(item.at(sort))) return true;
  }
  for (const auto& filter : rules_.filters) {
    for (const auto& value : values_of(item, filter.member)) {
      if (to_nfc(value) != value) return true;
    }
  }
  return false;
}

Collection::Rows Collection::rows_of(const Json& item) const {
  Rows rows{.known = row_keys(item, whole_text), .doubtful = {}};
  if (!has_earlier_text(item)) return rows;
  const auto earlier = row_keys(item, earlier_text);
  std::ranges::set_symmetric_difference(rows.known, earlier,
                                        std::inserter(rows.doubtful, rows.doubtful.end()));
  for (const auto& key : rows.doubtful) rows.known.erase(key);
  return rows;
}

std::string Collection::row_value(const Json& item) const {
  Json value = Json::object();
  for (const auto& filter : rules_.filters) value[filter.member] = item.at(filter.member);
  return dump_json(value);
}

std::optional<Json> Collection::find(const EntryReader& entries, const std::string& id) const {
  if (!is_uuid(id)) return {};  // also keeps odd text out of keys
  const auto entry = entries.get(item_key(id));
  if (!entry) return {};
  return entry->json();
}

std::optional<Json> Collection::find_live(const EntryReader& entries, const std::string& id) const {
  auto item = find(entries, id);
  if (item && item->contains("deleted_at")) return {};
  return item;
}

void Collection::put(Entries& entries, const std::optional<Json>& before, const Json& item) const {
  const auto old_rows = before ? rows_of(*before) : Rows{};
  const auto new_keys = row_keys(item, whole_text);
  const auto old_value = before ? row_value(*before) : std::string{};
  const auto new_value = row_value(item);
  erase_rows(entries, old_rows, new_keys);
  for (const auto& key : new_keys) {
    if (!old_rows.known.contains(key) || old_value != new_value) entries.put(key, new_value);
  }
  entries.put_json(item_key(item.at("id").get<std::string>()), item);
}

void Collection::erase_rows(Entries& entries, const Rows& rows,
                            const std::set<std::string>& wanted) const {
  for (const auto& key : rows.known) {
    if (!wanted.contains(key)) entries.erase(key);
  }
  for (const auto& key : rows.doubtful) {
    if (!wanted.contains(key) && entries.get(key)) entries.erase(key);
  }
}

void Collection::erase(Entries& entries, const Json& item) const {
  erase_rows(entries, rows_of(item), {});
  entries.erase(item_key(item.at("id").get<std::string>()));
}

Json Collection::item_of(const EntryReader& entries, const Entry& row) const {
  // The id is the end of the key, and always as long as a UUID.
  auto item = find(entries, row.key.substr(row.key.size() - uuid_length));
  if (!item) {
    throw Failure{{.code = ErrorCode::corrupt, .detail = "an index row leads to no item"}};
  }
  return std::move(*item);
}

Result<Json> Collection::list(const EntryReader& entries, const ListQuery& query,
                              const ItemPresenter& present) const {
  Scan wanted{.order = query.order, .limit = query.limit, .cursor = query.cursor};
  std::vector<std::pair<std::string, std::string>> conditions;  // member, value
  for (const auto& filter : rules_.filters) {
    const auto found = query.filters.find(filter.parameter);
    if (found != query.filters.end()) {
      conditions.emplace_back(filter.member, to_nfc(found->second));
    }
  }
  if (query.lives == ListQuery::Lives::deleted) {
    wanted.prefix = row_prefix("", deleted_order);
    wanted.order = Order::descending;
  } else if (conditions.empty()) {
    wanted.prefix = row_prefix("", query.sort);
  } else {
    wanted.prefix = row_prefix(group_of(conditions[0].first, conditions[0].second), query.sort);
    conditions.erase(conditions.begin());
  }
  return scan(entries, wanted, [&](const Entry& row) -> Json {
    if (!conditions.empty()) {
      const Json has = row.json();
      const bool fits = std::ranges::all_of(conditions, [&](const auto& condition) {
        return std::ranges::count(values_of(has, condition.first), condition.second, to_nfc) > 0;
      });
      if (!fits) return nullptr;
    }
    auto item = item_of(entries, row);
    return present ? present(std::move(item)) : item;
  });
}

std::optional<Json> Collection::last(const EntryReader& entries, const std::string& sort) const {
  const auto rows = entries.range(EntryRange::prefix(row_prefix("", sort), Order::descending, 1));
  if (rows.empty()) return {};
  return item_of(entries, rows.front());
}

std::vector<Json> Collection::oldest_deleted(const EntryReader& entries, std::size_t limit) const {
  std::vector<Json> items;
  const auto rows =
      entries.range(EntryRange::prefix(row_prefix("", deleted_order), Order::ascending, limit));
  for (const Entry& row : rows) items.push_back(item_of(entries, row));
  return items;
}

}  // namespace perdure::actors
