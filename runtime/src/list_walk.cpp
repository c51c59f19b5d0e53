// SPDX-License-Identifier: Apache-2.0
#include "list_walk.hpp"

#include <algorithm>
#include <set>

#include "perdure/base/check.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::runtime {

namespace {

/// So many rows in a row that do not fit before it looks where the next ones could. A leap costs as
/// much as 200 rows, and where conditions have nothing to do with the order it gains none.
constexpr std::size_t leap_after_least = 512;
constexpr std::size_t leap_after_most = 4'096;
/// A full page looks so far for another item, so that few next pages are empty.
constexpr std::size_t look_beyond_max = 500;
/// Rows that are walked along before those of a range filter are gathered, and how many of those.
constexpr std::size_t gather_after = 2'000;
constexpr std::size_t gather_max = 8'000;
constexpr std::size_t gathered_batch = 64;

}  // namespace

CoverCheck::CoverCheck(const ListPlan& plan) {
  for (std::size_t column = 0; column < plan.layout().columns().size(); ++column) {
    Tested tested{column, {}};
    for (const auto& test : plan.tests()) {
      if (test.column == column) tested.tests.push_back(&test);
    }
    if (!tested.tests.empty()) tested_.push_back(std::move(tested));
  }
}

Fit CoverCheck::operator()(std::string_view cover) const {
  Reader in{cover};
  auto fit = Fit::yes;
  std::size_t column = 0;
  for (const auto& tested : tested_) {
    for (; column < tested.column; ++column) {
      for (auto left = in.varint(); left > 0 && !in.failed(); --left) in.bytes();
    }
    ++column;
    auto left = in.varint();
    if (left == 0) fit = Fit::unknown;
    if (left == 0) continue;
    const bool is_known = std::ranges::all_of(
        tested.tests, [](const auto* test) { return test->known == ListNulls::Known::yes; });
    std::uint64_t held = 0;  // a bit for each test
    for (; left > 0 && !in.failed(); --left) {
      const auto value = in.bytes();
      for (std::size_t i = 0; i < tested.tests.size(); ++i) {
        held |= std::uint64_t{tested.tests[i]->holds(value)} << i;
      }
    }
    if (in.failed()) return Fit::unknown;
    if (held + 1 == std::uint64_t{1} << tested.tests.size()) continue;
    if (is_known) return Fit::no;
    fit = Fit::unknown;
  }
  return fit;
}

Result<std::optional<std::uint64_t>> sum_of(const ListPlan& plan, const ListRows& rows,
                                            const ListTest& test) {
  std::uint64_t sum = 0;
  for (const auto& group : plan.query().groups) {
    for (const auto& value : test.values) {
      PERDURE_TRY(count, rows.count(plan.layout().count(group, test.filter, value)));
      if (!count) return std::optional<std::uint64_t>{};
      sum += *count;
    }
  }
  return std::optional{sum};
}

Result<const ListTest*> fewest(const ListPlan& plan, const ListRows& rows) {
  const ListTest* best = nullptr;
  std::optional<std::uint64_t> least;
  std::vector<const ListTest*> tests;
  for (const auto& test : plan.tests()) {
    if (test.has_rows()) tests.push_back(&test);
  }
  if (tests.size() == 1) return tests.front();
  for (const auto* test : tests) {
    PERDURE_TRY(sum, sum_of(plan, rows, *test));
    if (best != nullptr && (!sum || (least && *sum >= *least))) continue;
    best = test;
    least = sum;
  }
  return best;
}

ListStreams open_streams(const ListPlan& plan, const ListRows& rows, const ListLayout::Sort& sort,
                         const ListTest* test, const ListBounds& bounds,
                         const std::optional<ListMark>& after, std::size_t first_batch,
                         const ListFit* fits) {
  const auto order = plan.query().order;
  const auto index = plan.layout().index(sort, test == nullptr ? nullptr : test->filter);
  std::vector<std::string> prefixes;
  for (const auto& group : plan.query().groups) {
    if (test == nullptr) prefixes.push_back(group);
    for (const auto& value : test == nullptr ? std::vector<std::string>{} : test->values) {
      prefixes.push_back(group + value);
    }
  }
  std::vector<ListStream> streams;
  for (auto& prefix : prefixes) {
    const auto share = rows.is_slow() ? first_batch : first_batch / prefixes.size();
    const auto batch = std::max<std::size_t>(share, 4);
    streams.emplace_back(rows, index, prefix, bounds, order, batch, fits);
    if (after) streams.back().start_after(*after);
  }
  return {std::move(streams), order};
}

std::vector<ListBounds> phases_of(const ListPlan& plan, const ListLayout::Sort& sort) {
  for (const auto& test : plan.tests()) {
    if (test.column != sort.column) continue;
    if (test.is_range()) return {within(test)};
    const bool is_null = test.values.size() == 1 && test.values.front().front() == sortable_null;
    if (is_null) return {no_value()};
  }
  return {some_value(), no_value()};
}

ListWalk::ListWalk(const ListPlan& plan, const ListRows& rows, const ListPlan::Show& show)
    : plan_(plan),
      rows_(rows),
      show_(show),
      check_(plan),
      fits_(plan.tests().empty()
                ? ListFit{}
                : [this](std::string_view cover) { return check_(cover) != Fit::no; }),
      budget_({.items_max = plan.query().limit}),
      mark_(plan.after()),
      leap_after_(leap_after_least) {
  end_.next_cursor = plan.query().cursor;
}

Result<ListEnd> ListWalk::run() {
  PERDURE_TRY(driver, fewest(plan_, rows_));
  driver_ = driver;
  // What such a filter holds for stands together.
  if (is_in_order_of_a_filter()) misses_ = leap_after_;
  const auto phases = phases_left();
  std::vector<ListStreams> begun;
  std::vector<ListRead> first_reads;
  for (const auto& bounds : phases) {
    begun.push_back(open(bounds));
    begun.back().add_first_reads(first_reads);
  }
  rows_.expect(first_reads);
  for (const auto& bounds : phases) {
    PERDURE_TRY(next, walk(bounds));
    if (next == Next::ended) return std::move(end_);
  }
  return ListEnd{};
}

std::vector<ListBounds> ListWalk::phases_left() const {
  auto phases = phases_of(plan_, plan_.sort());
  std::erase_if(phases, [this](const ListBounds& bounds) {
    return mark_ && mark_->value.front() == sortable_null && bounds.from != no_value().from;
  });
  return phases;
}

std::optional<ListMark> ListWalk::mark_in(const ListBounds& bounds) const {
  // A mark of before the phase is no place in it.
  const bool is_in =
      mark_ && (mark_->value.front() == sortable_null) == (bounds.from == no_value().from);
  return is_in ? mark_ : std::nullopt;
}

ListStreams ListWalk::open(const ListBounds& bounds) const {
  return open_streams(plan_, rows_, plan_.sort(), driver_, bounds, mark_in(bounds),
                      budget_.items_left() + 1, fits_ ? &fits_ : nullptr);
}

bool ListWalk::is_in_order_of_a_filter() const {
  const auto& columns = plan_.layout().columns();
  return std::ranges::any_of(plan_.tests(), [&](const ListTest& test) {
    return &test != driver_ && test.has_rows() &&
           columns[test.column].field == columns[plan_.sort().column].field;
  });
}

bool ListWalk::count(const ListRow& row) {
  for (std::size_t i = 0; i < row.looked; ++i) {
    if (!budget_.look()) return false;
  }
  looked_ += row.looked;
  return true;
}

Result<ListWalk::Next> ListWalk::walk(const ListBounds& bounds) {
  auto streams = open(bounds);
  // From where one condition has rows to where another one has.
  const bool can_leap = std::ranges::count_if(plan_.tests(), &ListTest::has_rows) > 1;
  for (;;) {
    if (looked_ >= gather_after && !std::exchange(gathered_, true)) {
      PERDURE_TRY(done, gather());
      if (done) return Next::ended;
    }
    if (can_leap && misses_ >= leap_after_) {
      PERDURE_TRY(row, leap(bounds));
      if (!row) return Next::go_on;
      PERDURE_TRY(next, look(*row));
      if (next == Next::ended) return next;
      streams = open(bounds);
    }
    PERDURE_TRY(row, streams.next());
    if (row == nullptr) return Next::go_on;
    PERDURE_TRY(next, look(*row));
    if (next == Next::ended) return next;
  }
}

Result<ListWalk::Next> ListWalk::look(const ListRow& row) {
  if (!count(row)) return end_here();
  const auto fit = check_(row.cover);
  if (budget_.full()) {
    beyond_ += row.looked;
    if (fit != Fit::no || beyond_ > look_beyond_max) return end_here();
  }
  if (fit == Fit::no) {
    misses_ += row.looked;
  } else {
    misses_ = 0;
    PERDURE_TRY(shown, show_(row));
    if (shown == Shown::refused) return end_here();
    if (shown == Shown::taken) PERDURE_CHECK(budget_.take(0), "a page has more than was asked for");
  }
  mark_ = ListMark{row.key, row.id};
  return Next::go_on;
}

Result<std::optional<ListRow>> ListWalk::leap(const ListBounds& bounds) {
  misses_ = 0;
  leap_after_ = std::min(leap_after_ * 2, leap_after_most);
  std::optional<ListRow> farthest;
  for (const auto& test : plan_.tests()) {
    if (!test.has_rows()) continue;
    auto streams =
        open_streams(plan_, rows_, plan_.sort(), &test, bounds, mark_in(bounds), 1, nullptr);
    PERDURE_TRY(row, streams.next());
    if (row == nullptr) return std::optional<ListRow>{};
    const bool is_farther = !farthest || comes_before({farthest->key, farthest->id},
                                                      {row->key, row->id}, plan_.query().order);
    if (is_farther) farthest = *row;
  }
  return farthest;
}

Result<bool> ListWalk::gather() {
  for (const auto& test : plan_.tests()) {
    if (!test.is_range() || test.column == plan_.sort().column) continue;
    PERDURE_TRY(done, gather(test));
    if (done) return true;
  }
  return false;
}

namespace {

struct Before {
  Order order;
  bool operator()(const ListRow& a, const ListRow& b) const {
    return comes_before({a.key, a.id}, {b.key, b.id}, order);
  }
};

/// The value of a column; empty: the cover does not tell.
std::string_view value_in(std::string_view cover, std::size_t column) {
  ListCover columns{cover};
  for (std::size_t i = 0; i < column; ++i) static_cast<void>(columns.next());
  const auto& values = columns.next();
  return values.empty() ? std::string_view{} : values.front();
}

}  // namespace

Result<bool> ListWalk::gather(const ListTest& range) {
  const auto order = plan_.query().order;
  const auto* sort = plan_.layout().sort_by(range.column);
  auto streams = open_streams(plan_, rows_, *sort, nullptr, within(range), std::nullopt,
                              gathered_batch, &fits_);
  // One more than there is room for tells that the page is not the last.
  const auto wanted = budget_.items_left() + 1;
  std::set<ListRow, Before> best{Before{order}};
  for (std::size_t rows = 0;;) {
    PERDURE_TRY(row, streams.next());
    if (row == nullptr) break;
    rows += row->looked;
    if (rows > gather_max || !count(*row)) return false;
    const auto fit = check_(row->cover);
    const auto value = value_in(row->cover, plan_.sort().column);
    if (fit == Fit::unknown || value.empty()) return false;
    ListRow found{std::string{value}, row->id, row->cover};
    const bool was_passed = mark_ && !comes_before(*mark_, {found.key, found.id}, order);
    if (fit == Fit::no || was_passed) continue;
    best.insert(std::move(found));
    if (best.size() > wanted) best.erase(std::prev(best.end()));
  }
  for (const auto& row : best) {
    PERDURE_TRY(next, look(row));
    if (next == Next::ended) return true;
  }
  if (best.size() == wanted) {
    end_here();
  } else {
    end_ = {};
  }
  return true;
}

ListWalk::Next ListWalk::end_here() {
  end_.at_end = false;
  if (mark_) end_.next_cursor = plan_.cursor(*mark_);
  return Next::ended;
}

}  // namespace perdure::runtime
