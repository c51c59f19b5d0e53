// SPDX-License-Identifier: Apache-2.0
// Succession: who gets a value of a unique field that a build found with several objects
// (Duplicate), once its holder has given it up: the next of them in the order of the walk, unless
// somebody took it meanwhile. Until then its duplicate has no claim of it.
//
// It walks over the rows of duplicates, a slice at a time: over those that name a holder that has
// given something up; and once over all after a build, and after an opening, as what was given up
// before is not noted. The claim goes to its heir in a commit of the heir's own, which the store
// refuses if the heir has changed. A turn of the heir that was decided before that commit, and
// gives up the value without having held it, claims the same mark (heir_mark), and runs again.
//
// Limits  remembers `holders_max` holders of a kind that gave something up; past that it looks at
//         all of the kind's duplicates. A slice looks at `rows_at_once` rows, and changes those of
//         `slice_objects` objects.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kind_rows.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// Threads  released, has_work: any. The rest: one.
class Succession {
 public:
  Succession(const storage::Store& store, const std::vector<Kind>& kinds, const RowNames& rows,
             std::function<Timestamp()> claims_at);

  /// Looks which kinds have duplicates. Errors: those of the store.
  [[nodiscard]] Result<void> open();
  /// A build of the kind has ended.
  void built(const KindDefinition& kind);
  /// Whether there is something to look at, or may be when holders give up what they have.
  [[nodiscard]] bool may_have_work() const;

  /// A commit. True: there is something to look at now, and was not.
  bool released(const storage::Unit& unit);
  [[nodiscard]] bool has_work() const;

  /// The next write sets to commit; none: that slice changes nothing. `again` are objects whose
  /// last ones were refused: those that name them as holders are looked at, too. Errors: those of
  /// the store; the slice comes again.
  [[nodiscard]] Result<std::vector<storage::WriteSet>> slice(const std::vector<ObjectId>& again);

  static constexpr std::size_t holders_max = 1'000;
  static constexpr std::size_t rows_at_once = 1'000;
  static constexpr std::size_t slice_objects = 64;

 private:
  /// A walk over the duplicates of a kind.
  struct Walk {
    const KindDefinition* kind;
    std::optional<std::set<std::string>> holders;  ///< none: whoever they name
    std::optional<storage::IndexRow> after = {};
  };
  using Heirs = std::map<std::pair<std::size_t, std::string>, ObjectId>;  ///< by place and key

  void look_at_all(const KindDefinition& kind);
  [[nodiscard]] std::optional<Walk> take_walk();
  [[nodiscard]] Result<void> walk(Walk& walk, std::vector<storage::WriteSet>& made);
  struct Look {
    const KindDefinition& kind;
    ObjectId object;
    const storage::IndexRow* row;  ///< of the field in question; null: all fields are
  };
  [[nodiscard]] Result<void> look(const Look& at, std::vector<storage::WriteSet>& made);
  /// Adds what changes for one field.
  [[nodiscard]] Result<void> look_at_field(const Look& at, std::size_t place,
                                           const ObjectForm& form, storage::WriteSet& changes);
  void look_at_those_of(const ObjectId& holder);

  const storage::Store& store_;
  const RowNames& rows_;
  const std::function<Timestamp()> claims_at_;
  std::map<std::string, const KindDefinition*, std::less<>> kinds_;  ///< that have unique fields
  std::optional<Walk> walk_;
  Heirs heirs_;  ///< of the present slice

  mutable std::mutex mutex_;                            // guards the rest
  std::set<std::string, std::less<>> with_duplicates_;  ///< kinds that may have some
  std::map<std::string, std::optional<std::set<std::string>>> waiting_;  ///< by kind, as in a Walk
};

}  // namespace perdure::runtime
