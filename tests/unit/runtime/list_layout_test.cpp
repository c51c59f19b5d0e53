// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/list_layout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace perdure {
namespace {

using Compare = ListFilter::Compare;

ListRules task_rules() {
  return {.filters = {{.name = "status", .field = "status"},
                      {.name = "tag", .field = "tags"},
                      {.name = "due", .field = "due", .compare = Compare::range}},
          .sorts = {{.field = "$updated_at"},
                    {.field = "title"},
                    {.field = "priority", .order = {"low", "high"}}},
          .default_sort = "-updated_at"};
}

/// Rows and counts as a store has them.
struct Model {
  const ListLayout layout{task_rules()};
  std::map<std::pair<std::string, std::string>, std::string> rows;
  std::map<std::string, std::int64_t> counts;
  std::size_t changed = 0;

  ListedItem item(const Json& state, std::vector<std::string> groups = {"g\1"}) const {
    return {.values =
                layout.values([&](const std::string& field) { return state.value(field, Json()); }),
            .groups = std::move(groups)};
  }
  void change(const ListedItem* before, const ListedItem* after) {
    std::vector<ListRowChange> row_changes;
    std::vector<ListCountChange> count_changes;
    layout.change(before, after, row_changes, count_changes);
    changed = row_changes.size();
    for (const auto& row : row_changes) {
      const std::pair key{row.index, row.key};
      if (row.cover) {
        rows[key] = *row.cover;
      } else {
        EXPECT_EQ(rows.erase(key), 1U) << "a row that is not there is erased";
      }
    }
    for (const auto& count : count_changes) {
      EXPECT_NE(count.by, 0);
      if ((counts[count.name] += count.by) == 0) counts.erase(count.name);
    }
  }
};

const Json first{{"$updated_at", 1}, {"title", "a"},       {"priority", "high"},
                 {"status", "open"}, {"tags", {"x", "y"}}, {"due", "2026-01-02"}};

TEST(ListLayout, has_a_row_for_each_sort_and_each_value_of_a_filter) {
  Model model;
  const auto item = model.item(first);
  model.change(nullptr, &item);
  // Three sorts, each alone, by status and by two tags, and the rows that the range is along.
  EXPECT_EQ(model.rows.size(), 3U * (1 + 1 + 2) + 1);
  EXPECT_EQ(model.counts.size(), 1U + 1 + 2 + 1) << "all, status, two tags, several tags";
}

TEST(ListLayout, an_update_changes_the_rows_that_have_changed) {
  Model model;
  const auto before = model.item(first);
  model.change(nullptr, &before);
  Json next = first;
  next["$updated_at"] = 2;
  const auto after = model.item(next);
  model.change(&before, &after);
  // Those in order of it move; the ones that a range is along say it in their cover.
  EXPECT_EQ(model.changed, 2U * 4 + 1);
  Model fresh;
  fresh.change(nullptr, &after);
  EXPECT_EQ(model.rows, fresh.rows);
  EXPECT_EQ(model.counts, fresh.counts);
}

TEST(ListLayout, any_change_leads_to_the_rows_of_what_is_there_then) {
  const std::vector<Json> states{
      first, Json{{"$updated_at", 2}, {"title", nullptr}, {"tags", Json::array()}},
      Json{{"$updated_at", 2}, {"title", "b"}, {"priority", "low"}, {"tags", {"y", "y", "z"}}},
      Json{{"$updated_at", 3}, {"title", std::string(400, 'x')}, {"due", "2026-01-02T01:00:00Z"}}};
  const std::vector<std::vector<std::string>> groups{{}, {"a\1"}, {"a\1", "b\1"}};
  for (const auto& from : states) {
    for (const auto& to : states) {
      for (const auto& old_groups : groups) {
        for (const auto& new_groups : groups) {
          Model model;
          const auto before = model.item(from, old_groups);
          const auto after = model.item(to, new_groups);
          model.change(nullptr, &before);
          model.change(&before, &after);
          Model fresh;
          fresh.change(nullptr, &after);
          EXPECT_EQ(model.rows, fresh.rows) << from << to;
          EXPECT_EQ(model.counts, fresh.counts) << from << to;
          model.change(&after, nullptr);
          EXPECT_TRUE(model.rows.empty() && model.counts.empty());
        }
      }
    }
  }
}

TEST(ListLayout, a_change_rewrites_the_covers_that_tell_of_it_alone) {
  const auto rows_changed = [](const char* field, const Json& value) {
    Model model;
    const auto before = model.item(first);
    model.change(nullptr, &before);
    Json next = first;
    next[field] = value;
    const auto after = model.item(next);
    model.change(&before, &after);
    Model fresh;
    fresh.change(nullptr, &after);
    EXPECT_EQ(model.rows, fresh.rows) << field;
    return model.changed;
  };
  constexpr std::size_t along_due = 1;
  // Those in order of the title move; only the ones that a range is along tell of it.
  EXPECT_EQ(rows_changed("title", "b"), 2U * 4 + along_due);
  // Rows by status move, those by two tags tell of it; those of sorts alone do not.
  EXPECT_EQ(rows_changed("status", "done"), 3U * (2 + 2) + along_due);
  // All but the moved one tell where a range lies.
  EXPECT_EQ(rows_changed("due", "2026-01-03"), 3U * 4 + 2 * along_due);
  EXPECT_EQ(rows_changed("description", "is in no list"), 0U);
}

TEST(ListLayout, says_in_a_cover_what_an_item_has_but_for_what_is_long) {
  Model model;
  Json state = first;
  state["title"] = std::string(400, 'x');
  const auto item = model.item(state);
  model.change(nullptr, &item);
  std::size_t silent = 0;
  for (const auto& [key, text] : model.rows) {
    ListCover cover{text};
    for (std::size_t column = 0; column < model.layout.columns().size(); ++column) {
      const auto& values = cover.next();
      if (values.empty()) {
        ++silent;
      } else {
        EXPECT_TRUE(std::ranges::equal(values, item.values[column]));
      }
    }
  }
  constexpr std::size_t along_due = 1;  // all but the title
  EXPECT_EQ(silent, 3U * 5 + 9U * 3 + along_due) << "sorts tell of due, filters of all filters";
}

std::string mistake(ListRules rules) {
  const auto checked = ListLayout{std::move(rules)}.check();
  return checked ? "" : checked.error().detail;
}

TEST(ListLayout, a_mistake_in_rules_is_named) {
  EXPECT_EQ(mistake(task_rules()), "");
  auto rules = task_rules();
  rules.filters.push_back({.name = "status", .field = "state"});
  EXPECT_EQ(mistake(rules), "lists: the filter \"status\" is taken");
  rules = task_rules();
  rules.filters.push_back({.name = "due_after", .field = "x"});
  EXPECT_EQ(mistake(rules), "lists: the filter \"due_after\" is taken");
  rules = task_rules();
  rules.sorts.push_back({.field = "$creatd_at"});
  EXPECT_EQ(mistake(rules), "lists: there is no field \"$creatd_at\"");
  rules = task_rules();
  rules.default_sort = "-created_at";
  EXPECT_EQ(mistake(rules), "lists: the default \"created_at\" is no sort");
  rules = task_rules();
  rules.sorts.push_back({.field = "title", .name = "name"});
  EXPECT_EQ(mistake(rules), "lists: \"title\" is sorted by twice");
  EXPECT_EQ(mistake({.filters = {{.name = "status", .field = "status"}}}),
            "lists: there is no sort");
}

}  // namespace
}  // namespace perdure
