// SPDX-License-Identifier: Apache-2.0
// Lists by a reference whose objects die and come back: what reads as null is listed as null.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "fixture.hpp"

namespace perdure {
namespace {

ListRules task_rules() {
  return {.filters = {{.name = "goal", .field = "goal"}, {.name = "status", .field = "status"}},
          .sorts = {{.field = "$created_at"}, {.field = "title"}},
          .default_sort = "-created_at"};
}

Kind goal_kind() {
  return kind<Json>("goal").command("set",
                                    [](Turn&, Json& self, const Json& next) { self = next; });
}

Kind task_kind() {
  return kind<Json>("task")
      .command("set", [](Turn&, Json& self, const Json& next) { self = next; })
      .reference({.field = "goal", .kind = "goal"})
      .lists(task_rules());
}

class ListReferences : public RuntimeTest {
 protected:
  ListReferences() : RuntimeTest({goal_kind(), task_kind()}) {}

  void set(const std::string& kind, const std::string& id, Json state) {
    value(runtime_
              ->call({.target = {kind, id},
                      .name = "set",
                      .payload = std::move(state),
                      .principal = ann})
              .get());
  }
  void builtin(const ObjectId& object, std::string_view name) {
    value(runtime_->call({.target = object, .name = std::string{name}, .principal = root}).get());
  }
  void make_task(const std::string& id, Json goal, const std::string& status = "open") {
    states_[id] = {{"title", id}, {"goal", std::move(goal)}, {"status", status}};
    set("task", id, states_[id]);
  }

  static ListRequest request_of(std::vector<ListCondition> where) {
    return {.kind = "task",
            .owner = "ann",
            .limit = 3,
            .sort = "title",
            .where = std::move(where),
            .count = true};
  }
  std::string listed(ListRequest request) {
    std::string ids;
    std::size_t found = 0;
    std::optional<ListTotal> total;
    do {
      const auto page = runtime_->list(request).value();
      for (const auto& item : page.items) ids += item.meta.object().id;
      found += page.items.size();
      total = page.total;
      request.cursor = page.next_cursor;
    } while (!request.cursor.empty());
    EXPECT_TRUE(total);
    EXPECT_EQ(total->count, found);
    EXPECT_EQ(total->precision, ListTotal::Precision::exact);
    return ids;
  }
  std::string listed_by_goal(std::vector<Json> goals) {
    return listed(request_of({{.name = "goal", .values = std::move(goals)}}));
  }
  /// By what clients read.
  std::string expected(const std::vector<ListCondition>& where) {
    std::string ids;
    const auto& kind = *runtime_->find_kind("task");
    for (const auto& [id, state] : states_) {
      const auto read = runtime_->without_dead_references(kind, state);
      const bool fits = std::ranges::all_of(where, [&](const ListCondition& condition) {
        return std::ranges::count(condition.values, read.at(condition.name)) > 0;
      });
      if (fits) ids += id;
    }
    return ids;
  }

  std::map<std::string, Json> states_;
};

TEST_F(ListReferences, to_what_was_deleted_are_listed_as_null_until_it_comes_back) {
  set("goal", "g", {{"title", "g"}});
  set("goal", "h", {{"title", "h"}});
  make_task("a", "g");
  make_task("b", "h");
  make_task("c", nullptr);
  EXPECT_EQ(listed_by_goal({nullptr}), "c");
  EXPECT_EQ(listed_by_goal({"g"}), "a");

  builtin({"goal", "g"}, builtin::remove);
  EXPECT_EQ(listed_by_goal({nullptr}), "ac");
  EXPECT_EQ(listed_by_goal({"g"}), "");
  EXPECT_EQ(listed_by_goal({"g", "h"}), "b");
  EXPECT_EQ(listed_by_goal({"g", nullptr}), "ac");
  EXPECT_EQ(listed(request_of(
                {{.name = "goal", .values = {nullptr}}, {.name = "status", .values = {"open"}}})),
            "ac");

  builtin({"goal", "g"}, builtin::undelete);
  EXPECT_EQ(listed_by_goal({nullptr}), "c");
  EXPECT_EQ(listed_by_goal({"g"}), "a");

  builtin({"goal", "g"}, builtin::remove);
  restart();
  EXPECT_EQ(listed_by_goal({nullptr}), "ac");
}

TEST_F(ListReferences, a_cursor_goes_on_when_a_goal_dies_between_pages) {
  set("goal", "g", {{"title", "g"}});
  for (const char* id : {"a", "b", "c", "d"}) make_task(id, nullptr);
  make_task("e", "g");
  auto request = request_of({{.name = "goal", .values = {nullptr}}});
  const auto page = runtime_->list(request).value();
  ASSERT_EQ(page.items.size(), 3U);
  builtin({"goal", "g"}, builtin::remove);
  request.cursor = page.next_cursor;
  const auto rest = runtime_->list(request).value();
  ASSERT_EQ(rest.items.size(), 2U);
  EXPECT_EQ(rest.items[1].meta.object().id, "e");
}

TEST_F(ListReferences, are_right_where_more_goals_are_named_than_are_looked_for) {
  constexpr int goals = 1'010;
  std::string all;
  for (int i = 0; i < goals; ++i) {
    const auto id = "g" + std::to_string(10'000 + i);
    set("goal", id, Json::object());
    make_task("t" + std::to_string(10'000 + i), id);
    if (i % 300 == 0) {
      builtin({"goal", id}, builtin::remove);
      all += "t" + std::to_string(10'000 + i);
    }
  }
  EXPECT_EQ(listed_by_goal({nullptr}), all);
  EXPECT_EQ(listed_by_goal({nullptr, "g10001"}), expected({{"goal", {nullptr, "g10001"}}}));
  EXPECT_EQ(listed(request_of(
                {{.name = "goal", .values = {nullptr}}, {.name = "status", .values = {"open"}}})),
            all);
}

TEST_F(ListReferences, follow_a_model_of_goals_that_die_and_come_back) {
  std::mt19937 dice{5};
  const auto below = [&](std::size_t bound) { return dice() % bound; };
  std::set<std::string> dead;
  const auto goal_of = [](std::size_t number) { return "g" + std::to_string(number); };
  constexpr std::size_t goals = 12;
  for (std::size_t i = 0; i < goals; ++i) set("goal", goal_of(i), Json::object());
  const auto any_live = [&]() -> Json {
    const auto goal = goal_of(below(goals));
    return dead.contains(goal) ? Json(nullptr) : Json(goal);
  };
  for (int step = 0; step < 300; ++step) {
    const auto goal = goal_of(below(goals));
    if (below(3) != 0) {
      make_task("t" + std::to_string(100 + below(60)), any_live(), below(2) == 0 ? "open" : "done");
    } else if (dead.erase(goal) > 0) {
      builtin({"goal", goal}, builtin::undelete);
    } else {
      dead.insert(goal);
      builtin({"goal", goal}, builtin::remove);
    }
    if (step % 3 != 0) continue;
    std::vector<ListCondition> where{{.name = "goal", .values = {goal_of(below(goals))}}};
    if (below(2) == 0) where[0].values.emplace_back(nullptr);
    if (below(3) == 0) where[0].values.emplace_back(goal_of(below(goals)));
    if (below(3) == 0) where.push_back({.name = "status", .values = {"open"}});
    EXPECT_EQ(listed(request_of(where)), expected(where)) << step;
  }
}

}  // namespace
}  // namespace perdure
