// SPDX-License-Identifier: Apache-2.0
// ListRules: what lists of objects, or of the items in one, can be asked for. Declared once; the
// rows that serve the lists follow from it.
//
// A field is named as in indexes: a member of the root (`status`, dotted when nested), or
// `$created_at`, `$updated_at`, `$id`.
#pragma once

#include <string>
#include <vector>

#include "perdure/schemas/json.hpp"

namespace perdure {

/// A condition that a list can be asked for, by its name.
struct ListFilter {
  enum class Compare {
    equality,  ///< the field, or one of its elements, is one of some values; null: it has none
    range,     ///< of a time: `<name>_after`, `<name>_before`, both exclusive
  };
  std::string name;   ///< `status`; of a range `due`
  std::string field;  ///< `due_date`
  Compare compare = Compare::equality;
  std::vector<std::string> values = {};  ///< all that there are, of an enumeration
};

struct ListSort {
  std::string field;
  std::string name = {};                ///< as it is asked for; empty: the field's
  std::vector<std::string> order = {};  ///< of an enumeration: its values, from the lowest on
};

struct ListRules {
  std::vector<ListFilter> filters = {};
  std::vector<ListSort> sorts = {};
  std::string default_sort = {};  ///< such as `-created_at`
  /// Whether there are lists over all owners, too.
  enum class Across { owner, everybody } across = Across::owner;
};

/// One of the conditions of a request; all of them hold for what is listed.
struct ListCondition {
  std::string name;               ///< of the filter
  std::vector<Json> values = {};  ///< equality: any of them
  /// Of a range, both exclusive.
  Json above = nullptr;
  Json below = nullptr;
};

}  // namespace perdure
