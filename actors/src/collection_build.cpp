// SPDX-License-Identifier: Apache-2.0
// The rows of a collection made anew, and compared with its items.
#include <fmt/format.h>

#include <map>

#include "collection.hpp"
#include "perdure/actors/item_lists.hpp"

namespace perdure::actors {

namespace {

/// Changes of entries that one part of a build makes: some milliseconds, and a tenth of what a turn
/// may change. An item has at most some 500 rows and counts.
constexpr std::size_t changes_max = 1'000;
constexpr std::size_t items_at_once = 200;
constexpr std::size_t bytes_at_once = 2u << 20;

/// Whether there are rows as versions up to 0.1.0 wrote them. Such a version may have written
/// beside those of today.
bool has_foreign_rows(const EntryReader& entries, const std::string& many) {
  const auto some = [&](const char* index) {
    const auto prefix = item_rows_prefix(many) + index + '/';
    return !entries.range(EntryRange::prefix(prefix, Order::ascending, 1)).empty();
  };
  return some("position") || some("deleted");
}

/// Entries, in whatever order they came. Two sums are equal if their entries are, but for chance.
struct Sum {
  std::uint64_t entries = 0;
  std::uint64_t mixed = 0;

  void add(std::string_view key, std::string_view value) {
    const std::hash<std::string_view> hash;
    mixed += hash(key) * 0x9E3779B97F4A7C15U + hash(value);
    ++entries;
  }
  bool operator==(const Sum&) const = default;
};

template <class Visit>
void each_entry(const EntryReader& entries, EntryRange range, const Visit& visit) {
  for (bool more = true; more;) {
    const auto found = entries.range(range);
    for (const auto& entry : found) visit(entry);
    more = range.may_go_on(found);
    if (more) range = range.after(found);
  }
}

}  // namespace

bool Collection::erase_some(Entries& entries) const {
  const auto state_key = item_list_state_key(many_);
  const auto found =
      entries.range(EntryRange::prefix(item_rows_prefix(many_), Order::ascending, changes_max + 1));
  for (const auto& entry : found) {
    if (entry.key != state_key) entries.erase(entry.key);
  }
  return found.size() <= changes_max;
}

Collection::Built Collection::build(Entries& entries) const {
  auto state = state_of(entries);
  if (!state.built_to && !has_foreign_rows(entries, many_)) return Built::already;
  if (!state.built_to) state = {.rules = made_by_, .built_to = ""};
  // Until the first item has rows, those that are there are of before.
  auto built = state.built_to->empty() && !erase_some(entries) ? Built::more : Built::done;
  if (built == Built::done) {
    auto range = EntryRange::prefix(item_key(many_, ""), Order::ascending, items_at_once);
    const auto prefix = range.from.size();
    range.from += *state.built_to + '\x01';
    range.bytes_max = bytes_at_once;
    const auto found = entries.range(range);
    if (range.may_go_on(found)) built = Built::more;
    std::size_t changes = 0;
    for (const auto& entry : found) {
      const auto item = entry.json();
      changes += write_rows(entries, nullptr, &item, state);
      state.built_to = entry.key.substr(prefix);
      if (changes < changes_max || &entry == &found.back()) continue;
      built = Built::more;
      break;
    }
  }
  if (built == Built::done) state.built_to.reset();
  write_item_list_state(entries, many_, state);
  return built;
}

std::vector<std::string> Collection::check(const EntryReader& entries) const {
  const auto state = state_of(entries);
  if (state.built_to) return {};
  Sum wanted;
  std::map<std::string, std::int64_t> counts;
  auto items = EntryRange::prefix(item_key(many_, ""), Order::ascending, items_at_once);
  items.bytes_max = bytes_at_once;
  each_entry(entries, items, [&](const Entry& entry) {
    const auto item = entry.json();
    std::vector<ListRowChange> rows;
    std::vector<ListCountChange> changes;
    const auto by_deletion = listed(by_deletion_, item);
    by_deletion_.change(nullptr, &by_deletion, rows, changes);
    changes.clear();
    const auto form = listed(live_, item);
    live_.change(nullptr, &form, rows, changes);
    for (const auto& row : rows) {
      wanted.add(item_row_key(many_, item_row_id(item), row), row.cover.value_or(""));
    }
    for (const auto& change : changes) counts[change.name] += change.by;
  });
  ItemListState expected{.rules = made_by_};
  for (const auto& [name, count] : counts) {
    if (auto* known = count_in(expected, name)) {
      *known = count;
    } else if (count != 0) {
      wanted.add(item_count_key(many_, name), std::to_string(count));
    }
  }
  Sum stored;
  each_entry(entries, EntryRange::prefix(item_rows_prefix(many_), Order::ascending, changes_max),
             [&](const Entry& entry) {
               if (entry.key == item_list_state_key(many_)) return;
               stored.add(entry.key, entry.value);
             });
  std::vector<std::string> findings;
  if (stored != wanted) {
    findings.push_back(fmt::format(
        "the rows of the lists of {} are not those that the {} ask for: there are {}, of {}", many_,
        many_, stored.entries, wanted.entries));
  }
  if (state != expected) {
    findings.push_back(fmt::format("there are {} {} and {} deleted ones, not {} and {}",
                                   expected.live, many_, expected.deleted, state.live,
                                   state.deleted));
  }
  return findings;
}

}  // namespace perdure::actors
