// SPDX-License-Identifier: Apache-2.0
// KindRows: under which names the store has the rows that follow from the states of a kind.
//
// A kind declares parts: indexes, lists, purges, references along which deletions go, unique
// fields, quorums, derived entries. When a part or the kind's schema version is another than at the
// opening before, the part gets another stored name, under which its rows are built (builder.hpp);
// those under the name before are erased. So nobody ever needs to know by which rules old rows were
// made. Derived entries have no stored name: each object knows by which rules it has them.
//
// While a build is under way, each object that has its rows has a mark, which is a claim. The turn
// of an object without one writes its rows whole, and the mark; so does the builder. Of two commits
// with one mark the store refuses the second, which then runs again.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "list_rows.hpp"
#include "perdure/runtime/kind.hpp"
#include "version.hpp"

namespace perdure::runtime {

namespace index_names {
/// Objects with a value of a unique field that is another's, by the field's space.
inline constexpr std::string_view duplicate = "$duplicate";
}  // namespace index_names

/// The name of what build `build` makes; 0: as a new store has it.
[[nodiscard]] std::string stored_name(std::string_view name, std::uint64_t build);
/// The name without the build.
[[nodiscard]] std::string_view declared_name(std::string_view stored);

struct PartRows {
  std::string name;      ///< as it is declared; of lists: none
  std::string stored;    ///< of lists: what stands behind the names of their indexes
  bool is_built = true;  ///< before the kind's build
  std::vector<std::string> earlier = {};  ///< of a unique field: the spaces of claims before it
};

/// Which parts of a kind are meant.
enum class Which { all, built, building };

/// Threads  any; `building` turns false once.
struct KindRows {
  /// As a new store has them.
  explicit KindRows(const KindDefinition& kind);

  std::vector<PartRows> indexes;  ///< in the order of the kind's
  std::vector<PartRows> purges;
  std::vector<PartRows> references;
  std::vector<PartRows> uniques;
  std::vector<PartRows> quorums;
  std::vector<PartRows> derived;  ///< entries: their names are the object's own, and never change
  PartRows lists;
  std::uint64_t build = 0;
  std::string marks = {};  ///< the space of the marks
  std::atomic<bool> building{false};

  [[nodiscard]] bool is_being_built(const PartRows& part) const {
    return !part.is_built && building.load(std::memory_order_acquire);
  }
  [[nodiscard]] bool is_of(const PartRows& part, Which which) const {
    return which == Which::all || is_being_built(part) == (which == Which::building);
  }
  /// The part whose rows an index has, by its declared name; null: it is one that follows from no
  /// state.
  [[nodiscard]] const PartRows* find_index(std::string_view name) const;
};

/// Those of all kinds of a host.
class RowNames {
 public:
  explicit RowNames(const std::vector<Kind>& kinds);
  [[nodiscard]] const KindRows& of(const std::string& kind) const { return rows_.at(kind); }
  [[nodiscard]] KindRows& of(const std::string& kind) { return rows_.at(kind); }

  struct UniqueField {
    const KindDefinition* kind;
    const KindRows* rows;
    std::size_t place;  ///< among the kind's unique fields
  };
  /// Null kind: no field has this space.
  [[nodiscard]] UniqueField find_unique(std::string_view space) const;

 private:
  std::map<std::string, KindRows, std::less<>> rows_;
  std::map<std::string, UniqueField, std::less<>> uniques_;
};

/// index_building, for who needs rows that are not there yet.
[[nodiscard]] Unexpected still_building(const std::string& kind);

/// Whether an object has its rows of the kind's build.
enum class Built { yes, no };
/// Errors: those of the store.
[[nodiscard]] Result<Built> find_built(const KindRows& rows, const Version& version,
                                       const storage::StoreReader& store, Timestamp now);
[[nodiscard]] storage::Claim mark_of(const KindRows& rows, const std::string& id);
/// The space of the marks of heir_mark.
inline constexpr std::string_view heir_marks = "$built$heirs";
/// Whether a commit was refused because the object was given its rows, or a claim, meanwhile: it
/// runs again.
[[nodiscard]] bool is_marked_meanwhile(const Error& refused);

/// Appends what turns the rows and counts of an object at one version into those of another; null:
/// there is none, or it is purged.
void change_rows(const KindDefinition& kind, const KindRows& rows, const ListLayout* layout,
                 Built built, const ObjectForm* before, const ObjectForm* after,
                 storage::WriteSet& write_set);

}  // namespace perdure::runtime
