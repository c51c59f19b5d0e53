// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fixture.hpp"

namespace perdure::api {
namespace {

using http::Method;

struct Users : MembersTest {};

TEST_F(Users, are_made_by_administrators_with_a_hashed_password) {
  const auto made = post("/users", {{"email", "Ada@Example.org"}, {"password", "correct horse"}});
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.text.find("argon2"), std::string::npos);
  EXPECT_EQ(made.text.find("correct horse"), std::string::npos);
  const auto path = "/durable-objects/user/" + made.json()["id"].get<std::string>();
  const auto stored = runtime->inspect({"user", made.json()["id"].get<std::string>()});
  const auto& hash = stored->state["internal"]["hashed_password"];
  EXPECT_TRUE(hash.get<std::string>().starts_with("$argon2id$"));
  // Not even operators see it, and what they change of the rest leaves it alone.
  auto state = get(path).json()["state"];
  state["full_name"] = "Ada";
  const auto put = ask(Method::put, path, dump_json(state));
  EXPECT_EQ(put.status, 200) << put.text;
  for (const auto& seen : {put.text, get(path).text, get(path + "?as_of=1").text,
                           get(path + "/journal").text, get("/durable-objects?kind=user").text,
                           post(path + "/request", {{"query", "account"}}).text,
                           post(path + "/request", {{"query", "password"}}).text,
                           post(path + "/request", {{"query", "$get"}}).text}) {
    EXPECT_EQ(seen.find("argon2"), std::string::npos) << seen;
  }
  EXPECT_EQ(runtime->inspect(stored->meta.object())->state["internal"]["hashed_password"], hash);

  const auto taken = post("/users", {{"email", "ada@example.org"}});
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(taken.json()["details"]["email"], "is taken") << taken.text;
  EXPECT_EQ(post("/users", {{"email", "b@example.org"}, {"hashed_password", "plain"}}).status, 422);
  EXPECT_EQ(post("/users", {{"email", "b@example.org"}, {"password", "short"}}).status, 422);
}

TEST_F(Users, see_themselves_and_nobody_else) {
  const auto bob = make_user("bob@example.org");
  const auto bob_id = id;
  const auto eve = make_user("eve@example.org");
  EXPECT_EQ(as(bob, Method::get, "/users/me").json()["email"], "bob@example.org");
  EXPECT_EQ(as(bob, Method::get, "/users/" + bob_id).status, 200);
  EXPECT_EQ(as(eve, Method::get, "/users/" + bob_id).status, 404);
  EXPECT_EQ(as(eve, Method::patch, "/users/" + bob_id, R"({"full_name":"x"})").status, 404);
  EXPECT_EQ(as(eve, Method::get, "/users").status, 403);
  EXPECT_EQ(as(eve, Method::get, "/durable-objects").status, 403);
  EXPECT_EQ(get("/users/" + bob_id).status, 200);

  const auto made = as(bob, Method::post, "/notebooks", R"({"title":"mine"})");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(as(eve, Method::get, made.field("Location")).status, 404);
  EXPECT_TRUE(as(eve, Method::get, "/notebooks").json()["items"].empty());
}

TEST_F(Users, cannot_raise_their_own_role) {
  const auto bob = make_user("bob@example.org");
  EXPECT_EQ(as(bob, Method::patch, "/users/" + id, R"({"role":"admin"})").status, 403);
  as(bob, Method::patch, "/users/me", R"({"role":"admin","full_name":"Bob"})");
  EXPECT_EQ(as(bob, Method::get, "/users/me").json()["role"], "user");
  EXPECT_EQ(as(bob, Method::get, "/durable-objects").status, 403);
}

TEST_F(Users, that_administer_do_not_end_each_other_at_the_same_time) {
  const auto me = get("/users/me").json()["id"].get<std::string>();
  for (int round = 0; round < 20; ++round) {
    const auto email = "admin" + std::to_string(round) + "@example.org";
    const auto other = post("/users", {{"email", email}, {"role", "admin"}}).json();
    const auto path = "/users/" + other["id"].get<std::string>();
    auto first = send(Method::patch, path, R"({"is_active":false})");
    auto second = send(Method::patch, "/users/" + me, R"({"is_active":false})");
    const int statuses[]{first.get().status, second.get().status};
    // At most one of the two; both are refused when each sees the other one going.
    EXPECT_EQ(std::ranges::count(statuses, 200) + std::ranges::count(statuses, 409), 2);
    EXPECT_LE(std::ranges::count(statuses, 200), 1);
    const ObjectId user{"user", me};
    if (statuses[1] == 200) {
      ASSERT_TRUE(runtime->call({.target = user, .name = "activate"}).get());
    }
    ASSERT_TRUE(runtime->call({.target = {"user", other["id"]}, .name = "deactivate"}).get());
  }
}

TEST_F(Users, are_shut_out_at_once_when_deactivated) {
  const auto bob = make_user("bob@example.org");
  EXPECT_EQ(as(bob, Method::get, "/users/me").status, 200);
  EXPECT_EQ(post("/users/" + id + "/deactivate", Json::object()).status, 200);
  EXPECT_EQ(as(bob, Method::get, "/users/me").status, 401);
  EXPECT_EQ(post("/users/" + id + "/activate", Json::object()).status, 200);
  EXPECT_EQ(as(bob, Method::get, "/users/me").status, 200);
  EXPECT_EQ(ask(Method::del, "/users/" + id).status, 204);
  EXPECT_EQ(as(bob, Method::get, "/users/me").status, 401);
}

TEST_F(Users, keep_preferences_that_put_replaces_and_patch_merges) {
  const auto put = ask(Method::put, "/users/preferences", R"({"time_zone":"Europe/Berlin","a":1})");
  ASSERT_EQ(put.status, 200) << put.text;
  EXPECT_EQ(ask(Method::patch, "/users/preferences", R"({"a":null,"b":2})").json(),
            (Json{{"time_zone", "Europe/Berlin"}, {"b", 2}}));
  EXPECT_EQ(ask(Method::put, "/users/preferences", R"({"c":3})").json(), (Json{{"c", 3}}));
  EXPECT_EQ(get("/users/preferences").json(), (Json{{"c", 3}}));
  EXPECT_EQ(ask(Method::put, "/users/preferences", R"({"time_zone":"Mars/Base"})").status, 422);
}

TEST_F(Users, take_everything_out_and_leave_nothing_behind) {
  const auto bob = make_user("bob@example.org");
  const auto notebook = as(bob, Method::post, "/notebooks", R"({"title":"mine"})");
  const auto path = notebook.field("Location");
  as(bob, Method::post, path + "/pages", R"({"title":"one","content":"first page"})");
  const auto archive = as(bob, Method::get, "/users/me/export");
  ASSERT_EQ(archive.status, 200) << archive.text;
  EXPECT_EQ(archive.json()["user"]["email"], "bob@example.org");
  EXPECT_NE(archive.text.find("first page"), std::string::npos);
  EXPECT_EQ(archive.text.find("secret_hash"), std::string::npos);

  // A kind without an index by owner, and one that is deleted already.
  for (const auto* object : {"live", "gone"}) {
    ASSERT_TRUE(runtime
                    ->call({.target = {"document", object},
                            .name = "put",
                            .payload = {{"diary", "private words"}},
                            .owner = id})
                    .get());
  }
  ASSERT_TRUE(
      runtime->call({.target = {"document", "gone"}, .name = std::string{builtin::remove}}).get());
  EXPECT_NE(as(bob, Method::get, "/users/me/export").text.find("private words"), std::string::npos);

  EXPECT_EQ(as(bob, Method::del, "/users/me").status, 204);
  EXPECT_EQ(as(bob, Method::get, "/users/me").status, 401);
  const auto notebook_id = path.substr(path.rfind('/') + 1);
  for (const auto& object :
       {"user/" + id, "notebook/" + notebook_id, std::string{"document/live"},
        std::string{"document/gone"}, std::string{"api_key/key-of-bob@example.org"}}) {
    const auto journal = get("/durable-objects/" + object + "/journal");
    ASSERT_EQ(journal.status, 200) << object << journal.text;
    EXPECT_EQ(journal.json()["items"].size(), 1U) << object;
    for (const auto* word : {"bob@example.org\"", "first page", "private words", "mine"}) {
      EXPECT_EQ(journal.text.find(word), std::string::npos) << object;
    }
    EXPECT_EQ(get("/durable-objects/" + object + "?as_of=1").status, 404) << object;
    EXPECT_EQ(get("/durable-objects/" + object + "/entries").status, 404) << object;
  }
  EXPECT_EQ(get(path).status, 404);
  EXPECT_EQ(get("/users/" + id).status, 404);
  EXPECT_EQ(post("/users", {{"email", "bob@example.org"}}).status, 201);
}

}  // namespace
}  // namespace perdure::api
