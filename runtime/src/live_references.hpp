// SPDX-License-Identifier: Apache-2.0
// LiveReferences: what lists by a reference take for null. An id whose object was deleted stays in
// the state that holds it, and in the rows of lists; to clients it is null until the object is
// brought back (Runtime::without_dead_references).
//
//   goal_id=<id>   has nothing if the goal is gone
//   goal_id=null   has what refers to no goal, and what refers to one that is gone: the values that
//                  rows have are gone through, and those whose objects are gone are null, too
#pragma once

#include <map>
#include <string>

#include "directory.hpp"
#include "list_rows.hpp"
#include "perdure/runtime/inspect.hpp"

namespace perdure::runtime {

/// Of one page: each object is looked for once. Borrows what it is made of.
/// Threads  one.
class LiveReferences {
 public:
  LiveReferences(const storage::Store& store, const Directory& directory,
                 const KindDefinition& kind)
      : store_(store), directory_(directory), kind_(kind) {}

  /// A field of an object, as index definitions name it, with null for a dead reference.
  [[nodiscard]] Json value(const std::string& field, const ObjectView& view);

  /// The state of an object with null for each dead reference.
  [[nodiscard]] Json without_dead(Json state);
  /// Looks at once for all that some states refer to, where reads are slow.
  void expect(const std::vector<const Json*>& states);

  /// Says which values of a query's conditions stand for null now.
  /// Limits  one of 1,000 different values in the rows: of more it says that they are not known,
  ///         and each object is looked at. Errors: those of the store.
  [[nodiscard]] Result<void> resolve(const ListLayout& layout, const ListRows& rows,
                                     ListQuery& query);

 private:
  [[nodiscard]] const ReferenceDefinition* find(const std::string& field) const;
  [[nodiscard]] bool is_dead(const ReferenceDefinition& reference, const std::string& id);

  const storage::Store& store_;
  const Directory& directory_;
  const KindDefinition& kind_;
  std::map<ObjectId, bool> dead_;
};

}  // namespace perdure::runtime
