// SPDX-License-Identifier: Apache-2.0
// Whose objects a list is of; lists and validators of what refers to something deleted.
#include "fixture.hpp"

namespace perdure::api {
namespace {

using http::Method;

class Lists : public MembersTest {
 protected:
  /// A task that is due on a day of its own: times of creation may be the same.
  std::string make(const std::string& key, const std::string& title, const Json& goal = nullptr) {
    const auto day = "2030-01-1" + std::to_string(title.front() - 'a');
    const Json task{{"title", title}, {"due_date", day}, {"goal_id", goal}};
    const auto made = as(key, Method::post, "/tasks", dump_json(task));
    EXPECT_EQ(made.status, 201) << made.text;
    return made.json()["id"].get<std::string>();
  }
  void share(const std::string& task, const std::string& user) {
    const auto reply =
        runtime
            ->call({.target = {"task", task},
                    .name = std::string{builtin::share},
                    .payload = {{"grantee", {{"user_id", user}}}, {"role", "viewer"}}})
            .get();
    EXPECT_TRUE(reply) << to_string(reply.error());
  }
  /// The titles of a list, by the days on which they are due.
  std::string titles(const std::string& key, const std::string& query) {
    const auto page = as(key, Method::get, "/tasks?sort=due_date&" + query);
    EXPECT_EQ(page.status, 200) << page.text;
    std::string titles;
    const auto items = page.json()["items"];
    for (const auto& item : items) titles += item["title"].get<std::string>();
    return titles;
  }
};

TEST_F(Lists, are_of_what_one_owns_of_what_is_shared_or_of_both) {
  const auto ann = make_user("ann@example.com");
  const auto ann_id = id;
  const auto bob = make_user("bob@example.com");
  make(ann, "a");
  const auto shared = make(bob, "b");
  make(bob, "c");
  share(shared, ann_id);
  EXPECT_EQ(titles(ann, ""), "a");
  EXPECT_EQ(titles(ann, "shared=false"), "a");
  EXPECT_EQ(titles(ann, "shared=true"), "b");
  EXPECT_EQ(titles(ann, "scope=all"), "ab");
  EXPECT_EQ(titles(bob, "scope=all"), "bc");
  EXPECT_EQ(titles(bob, "shared=true"), "");
  EXPECT_EQ(as(ann, Method::get, "/tasks?scope=all&count=true").json()["total"], 2);
  // Pages go on in the same list.
  const auto first = as(ann, Method::get, "/tasks?scope=all&sort=due_date&limit=1");
  const auto cursor = first.json()["next_cursor"].get<std::string>();
  EXPECT_EQ(titles(ann, "scope=all&cursor=" + cursor), "b");
  EXPECT_EQ(as(ann, Method::get, "/tasks?sort=due_date&cursor=" + cursor).status, 422);
}

TEST_F(Lists, of_an_organization_are_there_for_who_may_read_it) {
  const auto ann = make_user("ann@example.com");
  const auto hidden = as(ann, Method::get, "/tasks?organization_id=acme");
  EXPECT_EQ(hidden.status, 404) << hidden.text;
  EXPECT_EQ(hidden.json()["code"], "not_found");
  const auto made = runtime
                        ->call({.target = {"task", "0"},
                                .name = "create",
                                .payload = {{"title", "theirs"}},
                                .owner = Owner::organization("acme").text()})
                        .get();
  ASSERT_TRUE(made) << to_string(made.error());
  EXPECT_EQ(titles(admin_key, "organization_id=acme"), "theirs");
  EXPECT_EQ(titles(admin_key, "organization_id=other"), "");
}

TEST_F(Lists, say_whose_they_are_in_one_way) {
  for (const char* query : {"scope=all&shared=true", "shared=true&organization_id=x",
                            "scope=all&organization_id=x", "shared=true&deleted=true"}) {
    const auto refused = get("/tasks?" + std::string{query});
    EXPECT_EQ(refused.status, 422) << query;
    EXPECT_EQ(refused.json()["errors"][0]["code"], "combination") << refused.text;
  }
  EXPECT_EQ(get("/tasks?scope=mine").status, 422);
  EXPECT_EQ(get("/tasks?scope=all&deleted=true").status, 200);
  for (const char* path : {"/notebooks", "/goals", "/conversations", "/users", "/jobs"}) {
    EXPECT_EQ(get(path + std::string{"?shared=true"}).status, 200) << path;
  }
}

TEST_F(Lists, by_a_reference_have_null_for_what_was_deleted) {
  const auto goal = post("/goals", {{"title", "g"}}).json()["id"].get<std::string>();
  make(admin_key, "a", goal);
  make(admin_key, "b");
  EXPECT_EQ(titles(admin_key, "goal_id=null"), "b");
  ask(Method::del, "/goals/" + goal);
  EXPECT_EQ(titles(admin_key, "goal_id=null"), "ab");
  EXPECT_EQ(titles(admin_key, "goal_id=" + goal), "");
  EXPECT_EQ(get("/tasks?goal_id=null&count=true").json()["total"], 2);
  ask(Method::post, "/goals/" + goal + "/restore");
  EXPECT_EQ(titles(admin_key, "goal_id=null"), "b");
  EXPECT_EQ(titles(admin_key, "goal_id=" + goal), "a");
}

TEST_F(Lists, a_validator_tells_that_a_reference_has_died) {
  const auto goal = post("/goals", {{"title", "g"}}).json()["id"].get<std::string>();
  const auto task = post("/tasks", {{"title", "a"}, {"goal_id", goal}}).field("Location");
  const auto alive = get(task).field("ETag");
  EXPECT_EQ(get(task, {{"If-None-Match", alive}}).status, 304);

  ask(Method::del, "/goals/" + goal);
  const auto changed = get(task, {{"If-None-Match", alive}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.json()["goal_id"], nullptr);
  const auto dead = changed.field("ETag");
  EXPECT_NE(dead, alive);
  EXPECT_EQ(get(task, {{"If-None-Match", dead}}).status, 304);

  // A change is made to the seq: either tag names it.
  const Fields by_old{{"If-Match", alive}};
  const auto renamed = ask(Method::patch, task, R"({"title":"b"})", by_old);
  EXPECT_EQ(renamed.status, 200) << renamed.text;
  EXPECT_EQ(ask(Method::patch, task, R"({"title":"c"})", by_old).status, 412);
  const Fields by_new{{"If-Match", renamed.field("ETag")}};
  EXPECT_EQ(ask(Method::patch, task, R"({"title":"c"})", by_new).status, 200);

  const auto before = get(task).field("ETag");
  ask(Method::post, "/goals/" + goal + "/restore");
  EXPECT_EQ(get(task, {{"If-None-Match", before}}).json()["goal_id"], goal);
}

}  // namespace
}  // namespace perdure::api
