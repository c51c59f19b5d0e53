// SPDX-License-Identifier: Apache-2.0
// The rows of lists of objects: what follows from an object's versions, and how it is read back.
#pragma once

#include <functional>
#include <map>

#include "perdure/runtime/kind.hpp"
#include "perdure/runtime/list_plan.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// The layouts of all kinds that have lists, by the kind's name.
class ListLayouts {
 public:
  ListLayouts() = default;
  explicit ListLayouts(const std::vector<Kind>& kinds);
  /// Null: it has none.
  [[nodiscard]] const ListLayout* find(const KindDefinition& kind) const;

 private:
  std::map<std::string, ListLayout, std::less<>> layouts_;
};

/// An object at one version, with its state as JSON.
struct ObjectForm {
  const ObjectMeta& meta;
  const Json& root;
};

/// Appends what turns the rows and counts of an object's lists from those of one version to those
/// of another; null: there is none, or it is purged. `build`: what stands behind the names of
/// their indexes (KindRows::lists).
void change_lists(const KindDefinition& kind, const ListLayout& layout, std::string_view build,
                  const ObjectForm* before, const ObjectForm* after, storage::WriteSet& write_set);

/// The groups of keys that a list of objects is.
[[nodiscard]] std::vector<std::string> list_groups(const ListRequest& request);

/// Whether an object stands in one of these groups.
[[nodiscard]] bool is_in_groups(const ListRules& rules, const ObjectMeta& meta,
                                const std::vector<std::string>& groups);

/// The name of a count of a kind's lists.
[[nodiscard]] std::string list_count(std::string_view kind, std::string_view build,
                                     std::string_view count);

/// Rows of a kind as a store has them. Borrows both. Where reads are slow, those that are expected
/// are done at once.
class StoredListRows final : public ListRows {
 public:
  using Told = std::function<void(const std::vector<ListRow>&)>;

  /// `told` hears of rows that were read; it may be empty.
  StoredListRows(const storage::Store& store, const std::string& kind, std::string build = {},
                 Told told = {})
      : store_(store), kind_(kind), build_(std::move(build)), told_(std::move(told)) {}
  [[nodiscard]] bool is_slow() const override {
    return store_.read_cost() == storage::ReadCost::slow;
  }
  void expect(const std::vector<ListRead>& reads) const override;
  [[nodiscard]] Result<std::vector<ListRow>> read(const std::string& index,
                                                  const ListRange& range) const override;
  [[nodiscard]] Result<std::optional<std::uint64_t>> count(const std::string& name) const override;

 private:
  [[nodiscard]] storage::IndexRead read_of(const std::string& index, const ListRange& range) const;

  const storage::Store& store_;
  const std::string& kind_;
  const std::string build_;
  const Told told_;
  struct Expected {
    std::size_t limit;
    Result<std::vector<storage::IndexRow>> rows;
  };
  /// What was read, if it is all that `wanted` asks for.
  [[nodiscard]] const Expected* find_expected(storage::IndexRead wanted) const;

  mutable std::map<storage::IndexRead, Expected> expected_;  ///< by reads without their limits
};

}  // namespace perdure::runtime
