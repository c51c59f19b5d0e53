// SPDX-License-Identifier: Apache-2.0
// ListWalk: how a plan walks along rows. One walk for a page, made and used by one thread.
#pragma once

#include "list_streams.hpp"
#include "perdure/runtime/page.hpp"

namespace perdure::runtime {

/// What a cover says of conditions.
enum class Fit { no, yes, unknown };

/// The conditions of a plan in the order of columns, as covers have them. Borrows the plan.
class CoverCheck {
 public:
  explicit CoverCheck(const ListPlan& plan);
  [[nodiscard]] Fit operator()(std::string_view cover) const;

 private:
  struct Tested {
    std::size_t column;
    std::vector<const ListTest*> tests;  ///< each has a value that holds
  };
  std::vector<Tested> tested_;
};

/// The condition whose rows are few: null if none has rows of its own.
[[nodiscard]] Result<const ListTest*> fewest(const ListPlan& plan, const ListRows& rows);

/// How many items have one of a condition's values, those with several counted several times; none:
/// there are no counts.
[[nodiscard]] Result<std::optional<std::uint64_t>> sum_of(const ListPlan& plan,
                                                          const ListRows& rows,
                                                          const ListTest& test);

/// The rows of all groups (and values of `test`, if it is not null) in the order of `sort`. `fits`
/// may be null, and is borrowed.
[[nodiscard]] ListStreams open_streams(const ListPlan& plan, const ListRows& rows,
                                       const ListLayout::Sort& sort, const ListTest* test,
                                       const ListBounds& bounds,
                                       const std::optional<ListMark>& after,
                                       std::size_t first_batch, const ListFit* fits);

/// What of a sort's values the conditions leave: with null, last, or without.
[[nodiscard]] std::vector<ListBounds> phases_of(const ListPlan& plan, const ListLayout::Sort& sort);

class ListWalk {
 public:
  ListWalk(const ListPlan& plan, const ListRows& rows, const ListPlan::Show& show);
  ListWalk(const ListWalk&) = delete;
  ListWalk& operator=(const ListWalk&) = delete;

  [[nodiscard]] Result<ListEnd> run();

 private:
  enum class Next { go_on, ended };

  /// What is left of the list after the place where the page begins.
  [[nodiscard]] std::vector<ListBounds> phases_left() const;
  [[nodiscard]] Result<Next> walk(const ListBounds& bounds);
  [[nodiscard]] Result<Next> look(const ListRow& row);
  /// Leaps over what cannot fit: the first row from which on all other conditions have some.
  [[nodiscard]] Result<std::optional<ListRow>> leap(const ListBounds& bounds);
  [[nodiscard]] std::optional<ListMark> mark_in(const ListBounds& bounds) const;
  [[nodiscard]] ListStreams open(const ListBounds& bounds) const;
  /// Whether the sort is by the field of a filter that does not lead.
  [[nodiscard]] bool is_in_order_of_a_filter() const;
  /// Counts the rows that were looked at for one. False: the page ends before it.
  [[nodiscard]] bool count(const ListRow& row);
  /// Whether the rest of the page was made out of all that a range filter holds for.
  [[nodiscard]] Result<bool> gather();
  [[nodiscard]] Result<bool> gather(const ListTest& range);
  Next end_here();

  const ListPlan& plan_;
  const ListRows& rows_;
  const ListPlan::Show& show_;
  const CoverCheck check_;
  const ListFit fits_;  ///< null without conditions
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
