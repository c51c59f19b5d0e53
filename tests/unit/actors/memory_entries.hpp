// SPDX-License-Identifier: Apache-2.0
// Entries in memory that count what is read of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "perdure/runtime/entries.hpp"

namespace perdure::actors {

class MemoryEntries final : public Entries {
 public:
  std::optional<Entry> get(std::string_view key) const override {
    ++reads;
    const auto found = rows.find(std::string{key});
    if (found == rows.end()) return {};
    return Entry{found->first, found->second};
  }
  std::vector<Entry> range(const EntryRange& range) const override {
    auto from = rows.lower_bound(range.from);
    auto until = range.until.empty() ? rows.end() : rows.lower_bound(range.until);
    std::vector<Entry> found;
    while (from != until && found.size() < range.limit) {
      const auto at = range.order == Order::ascending ? from++ : --until;
      found.push_back({at->first, at->second});
    }
    reads += found.size();
    return found;
  }
  void put(std::string key, std::string value) override {
    ++changes;
    rows.insert_or_assign(std::move(key), std::move(value));
  }
  void erase(std::string key) override {
    ++changes;
    rows.erase(key);
  }

  std::map<std::string, std::string> rows;
  mutable std::size_t reads = 0;
  std::size_t changes = 0;
};

}  // namespace perdure::actors
