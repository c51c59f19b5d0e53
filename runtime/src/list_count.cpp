// SPDX-License-Identifier: Apache-2.0
// How many items a list has: by the counts that are kept, or row by row.
#include "list_walk.hpp"

namespace perdure {

namespace {

using runtime::Fit;
using Total = std::optional<ListTotal>;

constexpr std::uint64_t counted_max = 10'000;
/// Conditions that hold for few of many: so many rows are looked at.
constexpr std::size_t rows_max = 200'000;
/// Items that are looked at, because their covers do not tell.
constexpr std::size_t checked_max = 20'000;
constexpr std::size_t batch = 512;

ListTotal exactly(std::uint64_t count) { return {.count = count}; }
ListTotal at_least(std::uint64_t count) {
  return {.count = count, .precision = ListTotal::Precision::at_least};
}

/// By what is kept; none: that does not say it.
Result<Total> kept_count(const ListPlan& plan, const ListRows& rows) {
  const auto& tests = plan.tests();
  const auto& groups = plan.query().groups;
  if (groups.size() != 1 || tests.size() > 1) return Total{};
  const auto& layout = plan.layout();
  if (tests.empty()) {
    PERDURE_TRY(count, rows.count(layout.count(groups.front(), nullptr, {})));
    return count ? Total{exactly(*count)} : Total{};
  }
  const auto& test = tests.front();
  if (!test.has_rows()) return Total{};
  if (test.values.size() > 1) {
    PERDURE_TRY(several, rows.count(layout.count(groups.front(), test.filter, {})));
    if (!several || *several > 0) return Total{};
  }
  PERDURE_TRY(sum, runtime::sum_of(plan, rows, test));
  return sum ? Total{exactly(*sum)} : Total{};
}

/// The order in which those that fit stand together best.
const ListLayout::Sort& sort_for(const ListPlan& plan, const ListTest* driver) {
  if (driver != nullptr) return plan.sort();
  for (const auto& test : plan.tests()) {
    if (test.is_range()) return *plan.layout().sort_by(test.column);
  }
  return plan.sort();
}

}  // namespace

Result<ListTotal> ListPlan::count(const ListRows& rows, const Check& check) const {
  PERDURE_TRY(kept, kept_count(*this, rows));
  if (kept) return *kept;
  PERDURE_TRY(driver, runtime::fewest(*this, rows));
  const runtime::CoverCheck fit_of{*this};
  const ListFit fits = [&](std::string_view cover) { return fit_of(cover) != Fit::no; };
  const auto& sort = sort_for(*this, driver);
  std::uint64_t found = 0;
  std::size_t looked = 0;
  std::size_t checked = 0;
  for (const auto& bounds : runtime::phases_of(*this, sort)) {
    auto streams =
        runtime::open_streams(*this, rows, sort, driver, bounds, std::nullopt, batch, &fits);
    for (;;) {
      PERDURE_TRY(row, streams.next());
      if (row == nullptr) break;
      looked += row->looked;
      if (looked > rows_max) return at_least(found);
      auto fit = fit_of(row->cover);
      if (fit == Fit::unknown) {
        if (++checked > checked_max) return at_least(found);
        PERDURE_TRY(is_one, check(*row));
        fit = is_one ? Fit::yes : Fit::no;
      }
      if (fit == Fit::yes && ++found > counted_max) return at_least(counted_max);
    }
  }
  return exactly(found);
}

Result<ListEnd> ListPlan::page(const ListRows& rows, const Show& show) const {
  return runtime::ListWalk{*this, rows, show}.run();
}

}  // namespace perdure
