// SPDX-License-Identifier: Apache-2.0
#include "item_rows.hpp"

#include <algorithm>
#include <charconv>

#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

namespace {

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
constexpr unsigned digit_bits = 6;
constexpr unsigned byte_bits = 8;
constexpr unsigned digit_mask = (1U << digit_bits) - 1;
/// In the order of their bytes, and above the slash that ends them.
constexpr std::string_view digits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
constexpr char end_of_key = '/';

std::string index_prefix(const std::string& many, const std::string& index) {
  return many + ':' + index + '/';
}

/// Sorts as `key` does, and what begins with the digits of a key's beginning is not below it.
std::string digits_of(std::string_view key) {
  std::string text;
  text.reserve((key.size() * byte_bits + digit_bits - 1) / digit_bits);
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : key) {
    bits = (bits << byte_bits) | static_cast<unsigned char>(c);
    for (count += byte_bits; count >= digit_bits;) {
      count -= digit_bits;
      text += digits[(bits >> count) & digit_mask];
    }
  }
  if (count > 0) text += digits[(bits << (digit_bits - count)) & digit_mask];
  return text;
}

std::string key_of(std::string_view text) {
  std::string key;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) {
      throw Failure{{.code = ErrorCode::corrupt, .detail = "a row of a list has no such key"}};
    }
    bits = (bits << digit_bits) | static_cast<unsigned>(digit);
    count += digit_bits;
    if (count < byte_bits) continue;
    count -= byte_bits;
    key += static_cast<char>((bits >> count) & 0xFFU);
  }
  return key;
}

std::int64_t count_at(const EntryReader& entries, const std::string& key) {
  const auto entry = entries.get(key);
  std::int64_t count = 0;
  if (entry) std::from_chars(entry->value.data(), entry->value.data() + entry->value.size(), count);
  return count;
}

ListRow row_of(Entry entry, std::size_t prefix) {
  std::string_view rest{entry.key};
  rest.remove_prefix(prefix);
  if (rest.size() <= item_row_id_length) {
    throw Failure{{.code = ErrorCode::corrupt, .detail = "a row of a list names no item"}};
  }
  const auto id = rest.size() - item_row_id_length;
  return {.key = key_of(rest.substr(0, id - 1)),
          .id = std::string{rest.substr(id)},
          .cover = std::move(entry.value)};
}

}  // namespace

std::optional<ItemListState> read_item_list_state(const EntryReader& entries,
                                                  const std::string& many) {
  const auto entry = entries.get(item_list_state_key(many));
  if (!entry) return {};
  const auto json = entry->json();
  ItemListState state{
      .rules = json.at("rules"), .live = json.at("live"), .deleted = json.at("deleted")};
  if (const auto at = json.find("built_to"); at != json.end()) state.built_to = *at;
  return state;
}

void write_item_list_state(Entries& entries, const std::string& many, const ItemListState& state) {
  Json json{{"rules", state.rules}, {"live", state.live}, {"deleted", state.deleted}};
  if (state.built_to) json["built_to"] = *state.built_to;
  entries.put_json(item_list_state_key(many), json);
}

std::string item_row_id(const Json& item) {
  const auto rank = static_cast<std::uint64_t>(item.at("rank").get<std::int64_t>());
  return ordered_key(rank ^ sign_bit) + item.at("id").get_ref<const std::string&>();
}

std::string_view id_in_row(std::string_view row_id) {
  constexpr std::size_t rank_length = 16;
  return row_id.substr(rank_length);
}

std::string item_rows_prefix(const std::string& many) { return many + ':'; }

std::string item_list_state_key(const std::string& many) {
  return item_rows_prefix(many) + "lists";
}

std::string item_row_key(const std::string& many, const std::string& row_id,
                         const ListRowChange& row) {
  return index_prefix(many, row.index) + digits_of(row.key) + end_of_key + row_id;
}

std::string item_count_key(const std::string& many, const std::string& name) {
  return index_prefix(many, "$count") + digits_of(name);
}

void change_item_count(Entries& entries, const std::string& many, const ListCountChange& change) {
  auto key = item_count_key(many, change.name);
  const auto count = count_at(entries, key) + change.by;
  if (count > 0) {
    entries.put(std::move(key), std::to_string(count));
  } else {
    entries.erase(std::move(key));
  }
}

void write_item_rows(Entries& entries, const std::string& many, const std::string& row_id,
                     const std::vector<ListRowChange>& rows) {
  for (const auto& row : rows) {
    auto key = item_row_key(many, row_id, row);
    if (row.cover) {
      entries.put(std::move(key), *row.cover);
    } else {
      entries.erase(std::move(key));
    }
  }
}

Result<std::vector<ListRow>> ItemRows::read(const std::string& index,
                                            const ListRange& range) const {
  const auto prefix = index_prefix(many_, index);
  auto wanted = EntryRange::prefix(prefix, range.order, range.limit);
  wanted.from += digits_of(range.from);
  if (!range.until.empty()) wanted.until = prefix + digits_of(range.until);
  if (range.after != nullptr) {
    auto place = prefix + digits_of(range.after->key) + end_of_key + range.after->id;
    if (range.order == Order::ascending) {
      wanted.from = std::max(wanted.from, place + '\x01');  // keys hold no NUL: the next one
    } else {
      wanted.until = std::min(wanted.until, place);
    }
  }
  std::vector<ListRow> rows;
  if (wanted.from >= wanted.until) return rows;
  auto found = entries_.range(wanted);
  rows.reserve(found.size());
  for (auto& entry : found) rows.push_back(row_of(std::move(entry), prefix.size()));
  return rows;
}

Result<std::optional<std::uint64_t>> ItemRows::count(const std::string& name) const {
  using Count = std::optional<std::uint64_t>;
  if (name == '\0' + item_group::live) return Count{static_cast<std::uint64_t>(state_.live)};
  if (name == '\0' + item_group::deleted) return Count{static_cast<std::uint64_t>(state_.deleted)};
  const auto count = count_at(entries_, item_count_key(many_, name));
  return Count{static_cast<std::uint64_t>(count)};
}

}  // namespace perdure::actors
