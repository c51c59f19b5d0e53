// SPDX-License-Identifier: Apache-2.0
// Notebooks whose pages had other lists before: their rows are made anew, and lists wait for that.
#include <gtest/gtest.h>

#include "perdure/actors/items.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/testing/world.hpp"

namespace perdure::actors {
namespace {

using testing::World;

const std::vector<ListSort> sorts{{.field = "position", .name = "position"},
                                  {.field = "$updated_at", .name = "updated_at"}};
const ListRules by_tag{
    .filters = {{.name = "tag", .field = "tags"}}, .sorts = sorts, .default_sort = "position"};
const ListRules by_title{
    .filters = {{.name = "title", .field = "title"}},
    .sorts = {{.field = "position", .name = "position"}, {.field = "title", .name = "title"}},
    .default_sort = "position"};

Kind notebooks(const ListRules& pages) {
  auto noun = *find_noun("notebook");
  noun.items[1].lists = pages;
  noun.items[1].lists.filters.insert(noun.items[1].lists.filters.begin(),
                                     {.name = "section_id", .field = "section_id"});
  return noun.make(noun, {});
}

class ItemBuilds : public ::testing::Test {
 protected:
  Json must(const Result<Reply>& reply) {
    EXPECT_TRUE(reply) << to_string(reply.error());
    return reply ? reply->value : Json();
  }
  Json command(const std::string& id, const std::string& name, const Json& payload = nullptr) {
    return must(world_.call("notebook/" + id, name, payload));
  }
  void fill(const std::string& id, int pages) {
    command(id, "create", {{"title", id}});
    for (int i = 0; i < pages; ++i) {
      command(id, "create_page",
              {{"title", i % 2 == 0 ? "even" : "odd"}, {"tags", {"t" + std::to_string(i % 3)}}});
    }
  }
  Result<Reply> list(const std::string& id, const Json& query) {
    return world_.ask("notebook/" + id, "list_pages", query);
  }
  std::size_t count(const std::string& id, Json query) {
    query["limit"] = 500;
    query["count"] = true;
    const auto page = must(list(id, query));
    if (page.is_null()) return 0;
    EXPECT_EQ(page.at("total"), page.at("items").size());
    return page.at("items").size();
  }
  void open(const ListRules& pages) { world_.restart({notebooks(pages)}); }
  void finish() {
    ASSERT_TRUE(world_.wait_until([&] { return world_.runtime().builds().empty(); }));
    world_.check_invariants();
  }
  std::size_t turns(const std::string& id) {
    return world_.runtime().inspect({"notebook", id})->meta.seq;
  }

  World world_{1, {notebooks(by_tag)}};
};

TEST_F(ItemBuilds, lists_refuse_until_rows_of_other_rules_are_there_and_then_have_everything) {
  fill("small", 7);
  fill("large", 300);
  const auto before = world_.runtime().inspect({"notebook", "large"})->meta;
  EXPECT_EQ(count("small", {{"tag", "t0"}}), 3U);
  open(by_title);
  for (const auto* id : {"small", "large"}) {
    const auto early = list(id, {{"title", "odd"}});
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, ErrorCode::index_building);
    EXPECT_TRUE(early.error().retry_after);
  }
  ASSERT_EQ(world_.runtime().builds().size(), 1U);
  EXPECT_EQ(world_.runtime().builds()[0].parts, std::vector<std::string>{"entries pages"});
  finish();
  EXPECT_EQ(count("small", {{"title", "even"}}), 4U);
  EXPECT_EQ(count("large", {{"title", "odd"}}), 150U);
  EXPECT_EQ(count("large", {{"sort", "-title"}}), 300U);
  const auto after = world_.runtime().inspect({"notebook", "large"})->meta;
  EXPECT_GT(after.seq, before.seq + 2) << "so many rows are made in several turns";
  EXPECT_EQ(after.updated_at, before.updated_at) << "nobody has changed it";
  open(by_title);
  EXPECT_TRUE(world_.runtime().builds().empty());
}

TEST_F(ItemBuilds, writes_go_on_while_rows_are_made_and_nothing_is_lost) {
  fill("n", 300);
  const auto pages = must(list("n", {{"limit", 500}})).at("items");
  open(by_title);
  for (int i = 0; i < 300; i += 50) {
    const auto& id = pages[static_cast<std::size_t>(i)].at("id");
    command("n", "update_page", {{"id", id}, {"changes", {{"title", "new"}}}});
    world_.housekeep();
    world_.run_actors();
    command("n", "remove_page", {{"id", pages[static_cast<std::size_t>(i + 1)].at("id")}});
  }
  command("n", "create_page", {{"title", "new"}, {"position", 5}});
  finish();
  EXPECT_EQ(count("n", {{"title", "new"}}), 7U);
  EXPECT_EQ(count("n", Json::object()), 295U);
  EXPECT_EQ(count("n", {{"deleted", true}}), 6U);
  EXPECT_EQ(must(world_.call("notebook/n", "purge_pages", {{"before", "2999-01-01T00:00:00Z"}}))
                .at("purged"),
            6);
  world_.check_invariants();
}

TEST_F(ItemBuilds, a_crash_in_the_middle_loses_nothing) {
  fill("n", 300);
  open(by_title);
  const auto began = turns("n");
  ASSERT_TRUE(world_.wait_until([&] { return turns("n") > began + 1; }));
  ASSERT_FALSE(world_.runtime().builds().empty());
  world_.crash();
  finish();
  EXPECT_EQ(count("n", {{"title", "even"}}), 150U);
}

TEST_F(ItemBuilds, a_state_from_before_and_one_that_was_deleted_make_their_rows_as_they_come) {
  fill("old", 200);
  fill("gone", 200);
  command("gone", "$remove");
  const auto then = turns("old");
  open(by_title);
  finish();
  command("gone", "$undelete");
  command("old", "$restore", {{"seq", then}});
  for (const auto* id : {"gone", "old"}) {
    ASSERT_TRUE(world_.wait_until([&] { return list(id, nullptr).has_value(); }));
    EXPECT_EQ(count(id, {{"title", "odd"}}), 100U);
  }
  world_.check_invariants();
}

}  // namespace
}  // namespace perdure::actors
