// SPDX-License-Identifier: Apache-2.0
// Lists under change against a plain model: items in random states, listed by random conditions
// page by page, while others change between the pages. On both stores.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "list_rows.hpp"
#include "perdure/storage/memory_store.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure::runtime {
namespace {

using Compare = ListFilter::Compare;

const std::vector<std::string> priorities{"low", "medium", "high"};

ListRules rules() {
  return {.filters = {{.name = "status", .field = "status"},
                      {.name = "tag", .field = "tags"},
                      {.name = "goal", .field = "goal"},
                      {.name = "due", .field = "due", .compare = Compare::range},
                      {.name = "updated", .field = "$updated_at", .compare = Compare::range}},
          .sorts = {{.field = "$updated_at"},
                    {.field = "title"},
                    {.field = "priority", .order = priorities},
                    {.field = "due"}},
          .default_sort = "-updated_at"};
}

struct Item {
  Json state;
  std::set<std::string> groups;
};

/// What a condition says of a field, without columns.
bool fits(const ListCondition& condition, const Json& field) {
  if (!condition.values.empty()) {
    const auto has = [&](const Json& value) {
      return std::ranges::count(condition.values, value) > 0;
    };
    if (!field.is_array()) return has(field);
    return field.empty() ? has(nullptr) : std::ranges::any_of(field, has);
  }
  if (field.is_null()) return false;
  return (condition.above.is_null() || field > condition.above) &&
         (condition.below.is_null() || field < condition.below);
}

class ListModel : public testing::TestWithParam<const char*> {
 protected:
  ListModel() {
    if (std::string_view{GetParam()} == "memory") {
      store_ = std::move(*storage::open_memory(disk_));
    } else {
      directory_ = std::filesystem::temp_directory_path() /
                   ("perdure-list-model-" + std::to_string(getpid()));
      std::filesystem::remove_all(directory_);
      store_ = std::move(*storage::open_rocksdb(
          {.directory = directory_, .durability = storage::Durability::buffered}));
    }
  }
  ~ListModel() override {
    store_.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::size_t below(std::size_t bound) { return dice_() % bound; }
  bool one_in(std::size_t count) { return below(count) == 0; }

  Json any_state() {
    Json state{{"$updated_at", ++time_}};
    const auto maybe = [&](const char* name, Json value) {
      state[name] = one_in(4) ? Json(nullptr) : std::move(value);
    };
    maybe("status", std::string(1, static_cast<char>('p' + below(3))));
    maybe("goal", below(200));
    maybe("title", std::string(below(3), 'a') + static_cast<char>('a' + below(3)));
    maybe("priority", priorities[below(3)]);
    maybe("due", "2026-01-" + std::to_string(10 + below(20)));
    state["tags"] = Json::array();
    for (std::size_t i = below(3); i > 0; --i) {
      state["tags"].push_back(std::string(1, static_cast<char>('x' + below(3))));
    }
    return state;
  }

  ListedItem listed(const Item& item) const {
    return {.values = layout_.values([&](const std::string& field) { return item.state[field]; }),
            .groups = {item.groups.begin(), item.groups.end()}};
  }
  void set(const std::string& id, std::optional<Item> next) {
    std::vector<ListRowChange> rows;
    std::vector<ListCountChange> counts;
    const auto found = items_.find(id);
    ListedItem before;
    ListedItem after;
    if (found != items_.end()) before = listed(found->second);
    if (next) after = listed(*next);
    layout_.change(&before, &after, rows, counts);
    storage::WriteSet set{.object = {"task", id}, .epoch = store_->epoch()};
    for (auto& row : rows) {
      using Op = storage::IndexChange::Op;
      set.indexes.push_back(
          {row.cover ? Op::put : Op::erase, row.index, row.key, row.cover.value_or("")});
    }
    for (auto& count : counts) set.counts.push_back({list_count("task", "", count.name), count.by});
    unit_.write_sets.push_back(std::move(set));
    items_.erase(id);
    if (next) items_.emplace(id, std::move(*next));
    touched_.insert(id);
  }
  void commit() {
    if (unit_.write_sets.empty()) return;
    ASSERT_TRUE(store_->commit({&unit_, 1}, Timestamp{}).front());
    unit_.write_sets.clear();
  }
  static std::string id_of(std::size_t number) { return "i" + std::to_string(10'000 + number); }
  void change_some(std::size_t count, std::size_t ids) {
    for (; count > 0; --count) {
      const auto id = id_of(below(ids));
      if (one_in(5)) {
        set(id, std::nullopt);
      } else {
        Item item{any_state(), {}};
        item.groups.insert(one_in(3) ? "b\1" : "a\1");
        if (one_in(4)) item.groups.insert("c\1");
        set(id, item);
      }
    }
    commit();
  }

  ListQuery any_query() {
    ListQuery query{.name = "task"};
    query.groups = {one_in(4) ? "b\1" : "a\1"};
    if (one_in(4)) query.groups.push_back("c\1");
    const std::vector<std::string> sorts{"updated_at", "title", "priority", "due"};
    query.sort = sorts[below(sorts.size())];
    query.order = one_in(2) ? Order::ascending : Order::descending;
    query.limit = 1 + below(40);
    const auto any = [&](auto make) {
      std::vector<Json> values;
      for (auto i = 1 + below(2); i > 0; --i) values.push_back(one_in(5) ? Json() : Json(make()));
      return values;
    };
    if (one_in(3)) {
      query.where.push_back(
          {.name = "status",
           .values = any([&] { return std::string(1, static_cast<char>('p' + below(3))); })});
    }
    if (one_in(3)) {
      query.where.push_back(
          {.name = "tag",
           .values = any([&] { return std::string(1, static_cast<char>('x' + below(3))); })});
    }
    if (one_in(4))
      query.where.push_back({.name = "goal", .values = any([&] { return below(200); })});
    if (one_in(3)) {
      ListCondition due{.name = "due"};
      due.above = "2026-01-" + std::to_string(10 + below(15));
      if (one_in(2)) due.below = "2026-01-" + std::to_string(15 + below(15));
      query.where.push_back(std::move(due));
    }
    if (one_in(5)) query.where.push_back({.name = "updated", .above = below(time_ + 1)});
    return query;
  }

  bool is_in(const ListQuery& query, const Item& item) const {
    const bool in_group = std::ranges::any_of(
        query.groups, [&](const auto& group) { return item.groups.contains(group); });
    return in_group && std::ranges::all_of(query.where, [&](const ListCondition& condition) {
             return fits(condition,
                         item.state[layout_.find_filter(condition.name)->name == "tag" ? "tags"
                                    : condition.name == "updated" ? "$updated_at"
                                                                  : condition.name]);
           });
  }
  /// Whether one item comes before the other.
  bool is_before(const ListQuery& query, const std::string& a, const std::string& b) const {
    const auto field = query.sort == "updated_at" ? "$updated_at" : query.sort;
    auto x = items_.at(a).state[field];
    auto y = items_.at(b).state[field];
    if (x.is_null() != y.is_null()) return y.is_null();
    if (query.sort == "priority" && !x.is_null()) {
      x = std::ranges::find(priorities, x.get<std::string>()) - priorities.begin();
      y = std::ranges::find(priorities, y.get<std::string>()) - priorities.begin();
    }
    const bool is_up = query.order == Order::ascending;
    if (x != y) return is_up ? x < y : y < x;
    return is_up ? a < b : b < a;
  }
  std::vector<std::string> expected(const ListQuery& query) const {
    std::vector<std::string> ids;
    for (const auto& [id, item] : items_) {
      if (is_in(query, item)) ids.push_back(id);
    }
    std::ranges::sort(ids, [&](const auto& a, const auto& b) { return is_before(query, a, b); });
    return ids;
  }

  /// One page; moves the query's cursor on.
  std::vector<std::string> page(ListQuery& query) {
    std::vector<std::string> ids;
    auto plan = ListPlan::make(layout_, query);
    EXPECT_TRUE(plan) << to_string(plan.error());
    const StoredListRows rows{*store_, kind_};
    const auto end = plan->page(rows, [&](const ListRow& row) -> Result<Shown> {
      const auto& item = items_.at(row.id);
      const bool fits = plan->holds([&](const std::string& field) { return item.state[field]; });
      EXPECT_EQ(fits, is_in(query, item)) << row.id << item.state;
      // A cover does not tell when an item was updated last.
      const bool is_told =
          std::ranges::find(query.where, "updated", &ListCondition::name) == query.where.end();
      EXPECT_TRUE(fits || !is_told) << row.id << item.state;
      if (!fits) return Shown::passed_over;
      ids.push_back(row.id);
      return Shown::taken;
    });
    EXPECT_TRUE(end) << to_string(end.error());
    EXPECT_LE(ids.size(), query.limit);
    EXPECT_EQ(end->at_end, end->next_cursor.empty());
    query.cursor = end->next_cursor;
    return ids;
  }

  void expect_counted(const ListQuery& query, std::size_t wanted) {
    const auto plan = ListPlan::make(layout_, query);
    const StoredListRows rows{*store_, kind_};
    const auto total = plan->count(
        rows, [&](const ListRow& row) -> Result<bool> { return is_in(query, items_.at(row.id)); });
    ASSERT_TRUE(total);
    EXPECT_EQ(total->count, wanted);
    EXPECT_EQ(total->precision, ListTotal::Precision::exact);
  }

  std::filesystem::path directory_;
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Store> store_;
  const ListLayout layout_{rules()};
  const std::string kind_ = "task";
  std::map<std::string, Item> items_;
  std::set<std::string> touched_;
  storage::Unit unit_;
  std::mt19937 dice_{7};
  std::int64_t time_ = 0;
};

std::string described(const ListQuery& query) {
  Json text{query.groups, query.sort, query.order == Order::ascending ? "up" : "down", query.limit};
  for (const auto& condition : query.where) {
    text.push_back({condition.name, condition.values, condition.above, condition.below});
  }
  return text.dump(-1, ' ', true);
}

TEST_P(ListModel, pages_show_what_fits_once_in_order_and_counts_are_right) {
  for (int round = 0; round < 60; ++round) {
    change_some(40, 300);
    for (int turn = 0; turn < 10; ++turn) {
      auto query = any_query();
      SCOPED_TRACE(described(query));
      const auto wanted = expected(query);
      expect_counted(query, wanted.size());
      std::vector<std::string> shown;
      do {
        std::ranges::copy(page(query), std::back_inserter(shown));
      } while (!query.cursor.empty());
      ASSERT_EQ(shown, wanted);
    }
  }
}

TEST_P(ListModel, what_stays_is_neither_skipped_nor_shown_twice_while_others_change) {
  change_some(600, 400);
  for (int round = 0; round < 200; ++round) {
    auto query = any_query();
    query.limit = 1 + below(10);
    SCOPED_TRACE(described(query));
    touched_.clear();
    const auto before = expected(query);
    std::vector<std::string> shown;
    do {
      std::ranges::copy(page(query), std::back_inserter(shown));
      if (one_in(2)) change_some(3, 400);
    } while (!query.cursor.empty());
    std::vector<std::string> stayed;
    for (const auto& id : before) {
      if (!touched_.contains(id)) stayed.push_back(id);
    }
    std::erase_if(shown, [&](const std::string& id) { return touched_.contains(id); });
    ASSERT_EQ(shown, stayed);
  }
}

TEST_P(ListModel, long_lists_are_leapt_through_and_gathered_to_the_same_pages) {
  // Conditions that hold far apart: `p` is early, the goal 1 late, together only at the end.
  for (std::size_t i = 0; i < 4'000; ++i) {
    Item item{any_state(), {"a\1"}};
    item.state["status"] = i < 3'000 || i > 3'990 ? "p" : "q";
    item.state["goal"] = i > 2'900 ? 1 : 2;
    item.state["due"] = i % 400 == 0 ? Json("2026-03-01") : Json("2026-01-01");
    set(id_of(i), item);
    if (i % 500 == 0) commit();
  }
  commit();
  const ListCondition p{.name = "status", .values = {"p"}};
  const ListCondition one{.name = "goal", .values = {1}};
  const ListCondition march{.name = "due", .above = "2026-02-01"};
  for (const auto& where : std::vector<std::vector<ListCondition>>{{p, one}, {march}, {p, march}}) {
    for (const auto* sort : {"updated_at", "title", "priority"}) {
      for (const auto order : {Order::ascending, Order::descending}) {
        ListQuery query{.name = "task",
                        .groups = {"a\1"},
                        .sort = sort,
                        .order = order,
                        .where = where,
                        .limit = 4};
        SCOPED_TRACE(described(query));
        const auto wanted = expected(query);
        std::vector<std::string> shown;
        std::size_t pages = 0;
        do {
          std::ranges::copy(page(query), std::back_inserter(shown));
          ++pages;
        } while (!query.cursor.empty());
        EXPECT_EQ(shown, wanted);
        EXPECT_LE(pages, wanted.size() / 4 + 2);
      }
    }
  }
}

TEST_P(ListModel, a_cursor_of_another_list_is_refused) {
  change_some(100, 100);
  ListQuery query{.name = "task", .groups = {"a\1"}, .sort = "title", .limit = 2};
  static_cast<void>(page(query));
  ASSERT_FALSE(query.cursor.empty());
  EXPECT_TRUE(ListPlan::make(layout_, query));
  const auto refused = [&](auto change) {
    auto other = query;
    change(other);
    const auto plan = ListPlan::make(layout_, std::move(other));
    return !plan && plan.error().fields.front().pointer == "cursor";
  };
  EXPECT_TRUE(refused([](ListQuery& q) { q.sort = "due"; }));
  EXPECT_TRUE(refused([](ListQuery& q) { q.order = Order::descending; }));
  EXPECT_TRUE(refused([](ListQuery& q) { q.groups = {"b\1"}; }));
  EXPECT_TRUE(refused([](ListQuery& q) { q.name = "note"; }));
  EXPECT_TRUE(refused([](ListQuery& q) { q.where = {{.name = "status", .values = {"p"}}}; }));
  EXPECT_TRUE(refused([](ListQuery& q) { q.cursor.pop_back(); }));
  EXPECT_FALSE(refused([](ListQuery& q) { q.limit = 5; }));
}

INSTANTIATE_TEST_SUITE_P(Stores, ListModel, testing::Values("memory", "rocksdb"),
                         [](const auto& test) { return std::string{test.param}; });

}  // namespace
}  // namespace perdure::runtime
