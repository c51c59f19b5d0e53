// SPDX-License-Identifier: Apache-2.0
// EarlierItemRows: the rows of items as versions up to 0.1.0 wrote them. Nothing writes them any
// more; they are read in place of an item's rows, and erased when the item gets those.
//
//   pages:position/<position><rank><id>                → {section_id, tags}
//   pages:tags=<tag>:updated_at/<time><rank><id>
//   pages:deleted/<time><rank><id>
//
// Values are text: `1` and 16 hex digits for a number, `2`, the text and 1F for a time. An item has
// rows of one form only, so lists are both forms merged (ItemRows).
//
// This file can go, with what calls it, once no data directory of such a version is opened any
// more.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "perdure/runtime/list_plan.hpp"

namespace perdure::actors {

class EarlierItemRows {
 public:
  EarlierItemRows(std::string many, const ListLayout& live, const ListLayout& deleted);

  /// Whether a stored item has such rows.
  [[nodiscard]] bool has(const EntryReader& entries, const Json& item) const;
  /// The ids of items that do, as many as are found first; empty: no item has.
  [[nodiscard]] std::vector<std::string> some(const EntryReader& entries, std::size_t limit) const;
  void erase(Entries& entries, const Json& item) const;

  /// The rows as a layout would have made them, in its order. They cover nothing: conditions are
  /// checked on the items.
  /// Limits  rows by "has no value" are searched for among all items of the object.
  [[nodiscard]] std::vector<ListRow> read(const EntryReader& entries, const std::string& index,
                                          const ListRange& range) const;

 private:
  /// Where the rows are that an index of a layout has.
  struct Source {
    std::string member;  ///< of the filter; empty: none
    std::string order;
  };
  [[nodiscard]] std::string first_row(const Json& item) const;
  [[nodiscard]] std::string prefix(const std::string& group, const std::string& order) const;

  std::string many_;
  std::map<std::string, Source> sources_;  ///< by the index
};

}  // namespace perdure::actors
