// SPDX-License-Identifier: Apache-2.0
// ListWalk: how a plan walks along rows. One walk for a page, made and used by one thread.
#pragma once

#include "list_streams.hpp"
#include "perdure/runtime/page.hpp"

namespace perdure::runtime {

/// What a cover says of conditions.
enum class Fit { no, yes, unknown };
[[nodiscard]] Fit fit_of(const ListPlan& plan, std::string_view cover);

/// The condition whose rows are few: null if none has rows of its own.
[[nodiscard]] Result<const ListTest*> fewest(const ListPlan& plan, const ListRows& rows);

/// How many items have one of a condition's values, those with several counted several times; none:
/// there are no counts.
[[nodiscard]] Result<std::optional<std::uint64_t>> sum_of(const ListPlan& plan,
                                                          const ListRows& rows,
                                                          const ListTest& test);

/// The rows of all groups (and values of `test`, if it is not null) in the order of `sort`.
[[nodiscard]] ListStreams open_streams(const ListPlan& plan, const ListRows& rows,
                                       const ListLayout::Sort& sort, const ListTest* test,
                                       const ListBounds& bounds,
                                       const std::optional<ListMark>& after,
                                       std::size_t first_batch);

/// What of a sort's values the conditions leave: with null, last, or without.
[[nodiscard]] std::vector<ListBounds> phases_of(const ListPlan& plan, const ListLayout::Sort& sort);

class ListWalk {
 public:
  ListWalk(const ListPlan& plan, const ListRows& rows, const ListPlan::Show& show);

  [[nodiscard]] Result<ListEnd> run();

 private:
  enum class Next { go_on, ended };

  [[nodiscard]] Result<Next> walk(const ListBounds& bounds);
  [[nodiscard]] Result<Next> look(const ListRow& row);
  /// Leaps over what cannot fit: the first row from which on all other conditions have some.
  [[nodiscard]] Result<std::optional<ListRow>> leap(const ListBounds& bounds);
  [[nodiscard]] ListStreams open(const ListBounds& bounds) const;
  /// Whether the rest of the page was made out of all that a range filter holds for.
  [[nodiscard]] Result<bool> gather();
  [[nodiscard]] Result<bool> gather(const ListTest& range);
  Next end_here();

  const ListPlan& plan_;
  const ListRows& rows_;
  const ListPlan::Show& show_;
  PageBudget budget_;
  const ListTest* driver_ = nullptr;
  std::optional<ListMark> mark_;  ///< what was passed last
  std::size_t looked_ = 0;
  std::size_t misses_ = 0;  ///< one after the other
  std::size_t leap_after_;
  std::size_t beyond_ = 0;  ///< looked at since the page is full
  bool gathered_ = false;
  ListEnd end_;
};

}  // namespace perdure::runtime
