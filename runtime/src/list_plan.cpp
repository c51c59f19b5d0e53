// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/list_plan.hpp"

#include <algorithm>

#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/runtime/sortable.hpp"
#include "perdure/storage/store.hpp"

namespace perdure {

namespace {

constexpr std::size_t values_max = 100;
constexpr std::size_t dead_values_max = 1'000;

Unexpected bad(std::string field, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = message};
  error.fields.push_back({std::move(field), "invalid", std::move(message)});
  return fail(std::move(error));
}

/// Stands for no value at all: no column holds it.
constexpr std::string_view no_value_at_all = "\x7f";

void make_set(std::vector<std::string>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The values that rows have for what was asked.
std::vector<std::string> values_in_rows(const std::vector<std::string>& asked,
                                        const ListNulls& nulls) {
  std::vector<std::string> values;
  bool wants_null = false;
  for (const auto& value : asked) {
    wants_null |= value.front() == sortable_null;
    if (std::ranges::count(nulls.values, value) == 0) values.push_back(value);
  }
  if (wants_null) values.insert(values.end(), nulls.values.begin(), nulls.values.end());
  if (values.empty()) values.emplace_back(no_value_at_all);
  make_set(values);
  return values;
}

bool is_time(const std::string& encoded) { return encoded.front() == sortable(0).front(); }

}  // namespace

Result<ListNulls> dead_values(const ListLayout& layout, const ListRows& rows,
                              const std::vector<std::string>& groups,
                              const ListLayout::Filter& filter,
                              const std::function<bool(const std::string&)>& is_dead) {
  ListNulls nulls;
  const auto& index = layout.index(layout.sorts().front(), &filter);
  const std::string null_value(1, sortable_null);
  std::size_t seen = 0;
  for (const auto& group : groups) {
    ListRange range{.from = storage::prefix_end(group + null_value),
                    .until = storage::prefix_end(group),
                    .limit = 1};
    for (;;) {
      PERDURE_TRY(found, rows.read(index, range));
      if (found.empty()) break;
      if (++seen > dead_values_max) return ListNulls{.known = ListNulls::Known::no};
      const auto value = first_sortable(std::string_view{found.front().key}.substr(group.size()));
      range.from = storage::prefix_end(group + std::string{value});
      const auto id = text_of_sortable(value);
      if (id && is_dead(*id)) nulls.values.emplace_back(value);
    }
  }
  return nulls;
}

bool ListTest::holds(std::string_view value) const {
  if (!is_range()) return std::ranges::binary_search(values, value);
  if (value.front() == sortable_null) return false;
  return (above.empty() || value > above) && (below.empty() || value < below);
}

Result<ListPlan> ListPlan::make(const ListLayout& layout, ListQuery query) {
  ListPlan plan{layout};
  if (query.limit == 0) return bad("limit", "a page has at least one item");
  plan.sort_ = layout.find_sort(query.sort);
  if (plan.sort_ == nullptr) return bad("sort", "there is no sort " + query.sort);
  for (const auto& condition : query.where) PERDURE_TRY_VOID(plan.add_test(condition, query));
  make_set(query.groups);
  plan.query_ = std::move(query);
  PERDURE_TRY_VOID(plan.read_cursor());
  return plan;
}

bool ListTest::holds_for_field(std::string_view value) const {
  return is_range() ? holds(value) : std::ranges::binary_search(asked, value);
}

Result<void> ListPlan::add_test(const ListCondition& condition, const ListQuery& query) {
  const auto& name = condition.name;
  const auto* filter = layout_->find_filter(name);
  if (filter == nullptr) return bad(name, "there is no filter " + name);
  const bool is_there =
      std::ranges::any_of(tests_, [&](const ListTest& test) { return test.filter == filter; });
  if (is_there) return bad(name, "a filter is given once");
  const auto& column = layout_->columns()[filter->column];
  ListTest test{.filter = filter, .column = filter->column};
  if (condition.values.size() > values_max) return bad(name, "there are too many values");
  for (const auto& value : condition.values) {
    test.asked.push_back(layout_->encode(column, value));
  }
  make_set(test.asked);
  test.values = test.asked;
  if (const auto nulls = query.nulls.find(name); nulls != query.nulls.end()) {
    test.values = values_in_rows(test.asked, nulls->second);
    test.known = nulls->second.known;
  }
  const bool is_bounded = !condition.above.is_null() || !condition.below.is_null();
  const bool takes_bounds = filter->compare == ListFilter::Compare::range;
  if (is_bounded == !test.values.empty() || (is_bounded && !takes_bounds)) {
    return bad(name, "a filter has values, one of a range has bounds");
  }
  for (const auto& [bound, given] :
       {std::pair{&test.above, &condition.above}, std::pair{&test.below, &condition.below}}) {
    if (given->is_null()) continue;
    *bound = layout_->encode(column, *given);
    if (!is_time(*bound)) return bad(name, "must be a date or a date-time");
  }
  tests_.push_back(std::move(test));
  return {};
}

bool ListPlan::holds(const ListFields& fields) const {
  return std::ranges::all_of(tests_, [&](const ListTest& test) {
    const auto& column = layout_->columns()[test.column];
    return std::ranges::any_of(layout_->values_in(column, fields(column.field)),
                               [&](const auto& value) { return test.holds_for_field(value); });
  });
}

std::uint32_t ListPlan::fingerprint() const {
  std::string text;
  put_bytes(text, query_.name);
  for (const auto& group : query_.groups) put_bytes(text, group);
  put_bytes(text, sort_->name);
  put_varint(text, static_cast<std::uint64_t>(query_.order));
  auto tests = tests_;
  std::ranges::sort(tests, {}, [](const ListTest& test) { return test.filter->name; });
  for (const auto& test : tests) {
    put_bytes(text, test.filter->name);
    for (const auto& value : test.asked) put_bytes(text, value);
    put_bytes(text, test.above);
    put_bytes(text, test.below);
  }
  return crc32c(text);
}

std::string ListPlan::cursor(const ListMark& mark) const {
  std::string bytes;
  put_be32(bytes, fingerprint());
  put_bytes(bytes, mark.value);
  put_bytes(bytes, mark.id);
  return to_base64url(bytes);
}

Result<void> ListPlan::read_cursor() {
  if (query_.cursor.empty()) return {};
  const auto bytes = from_base64url(query_.cursor);
  Reader in{bytes ? std::string_view{*bytes} : std::string_view{}};
  const auto list = in.be32();
  ListMark mark;
  mark.value = in.bytes();
  mark.id = in.bytes();
  const bool is_whole = bytes && in.done() && !mark.value.empty() && !mark.id.empty();
  const bool is_clean = mark.value.find('\0') == std::string::npos;
  if (!is_whole || !is_clean || list != fingerprint()) {
    return bad("cursor", "a cursor is the next_cursor of the page before");
  }
  after_ = std::move(mark);
  return {};
}

}  // namespace perdure
