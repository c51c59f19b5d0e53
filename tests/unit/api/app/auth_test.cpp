// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "fixture.hpp"

namespace perdure::api {
namespace {

using http::Method;

struct Authentication : ApplicationTest {
  Json make_key(const Json& body, const Fields& fields = {}) {
    const auto made = post("/api-keys", body, fields);
    EXPECT_EQ(made.status, 201) << made.text;
    return made.json();
  }
  /// So that the operator's own may go.
  void add_administrator() {
    const Json user{{"email", "carol@example.org"}, {"role", "admin"}};
    EXPECT_EQ(post("/users", user).status, 201);
  }
  int status_of(Method method, const std::string& target, const Json& key,
                const std::string& body = {}) {
    return ask(method, target, body, {}, key["secret"].get<std::string>()).status;
  }
};

TEST_F(Authentication, is_needed_wherever_a_route_is_not_open) {
  const auto refused = ask(Method::get, "/notebooks", {}, {}, "");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.field("WWW-Authenticate"), "Bearer realm=\"perdure\"");
  for (const auto& wrong : {std::string{"no-such-key-anywhere"}, std::string(600, 'x')}) {
    const auto sent = ask(Method::get, "/notebooks", {}, {}, wrong);
    EXPECT_EQ(sent.status, 401);
    EXPECT_EQ(sent.field("WWW-Authenticate"), "Bearer realm=\"perdure\", error=\"invalid_token\"");
  }
  for (const char* open : {"/", "/info", "/health", "/health/live", "/health/ready",
                           "/openapi.json", "/docs", "/redoc"}) {
    EXPECT_EQ(ask(Method::get, open, {}, {}, "").status, 200) << open;
  }
  EXPECT_EQ(ask(Method::get, "/users/me", {}, {{"X-API-Key", admin_key}}, "").status, 200);
  EXPECT_EQ(
      ask(Method::get, "/users/me", {}, {{"authorization", std::string{"bearer "} + admin_key}}, "")
          .status,
      200);
  EXPECT_EQ(get("/users/me", {{"Authorization", "Bearer second"}}).status, 401);
}

TEST_F(Authentication, shows_a_secret_once_and_stores_its_hash) {
  const auto key = make_key({{"name", "laptop"}});
  const auto id = key["id"].get<std::string>();
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  EXPECT_FALSE(get("/api-keys/" + id).json().contains("secret"));
  const auto secret = key["secret"].get<std::string>();
  const auto journal = get("/durable-objects/api_key/" + id + "/journal").text;
  EXPECT_EQ(journal.find(secret), std::string::npos);
}

TEST_F(Authentication, a_retried_create_shows_the_same_secret) {
  const Fields once{{"Idempotency-Key", "key-1"}};
  const auto first = make_key({{"name", "laptop"}}, once);
  const auto again = make_key({{"name", "laptop"}}, once);
  EXPECT_EQ(first, again);
  EXPECT_TRUE(again.contains("secret"));
  EXPECT_EQ(status_of(Method::get, "/users/me", again), 200);
}

TEST_F(Authentication, ends_at_once_when_a_key_is_deleted_or_rotated) {
  const auto key = make_key({{"name", "a"}});
  const auto path = "/api-keys/" + key["id"].get<std::string>();
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  const auto rotated = ask(Method::post, path + "/rotate").json();
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 401);
  EXPECT_EQ(status_of(Method::get, "/users/me", rotated), 200);
  EXPECT_EQ(ask(Method::del, path).status, 204);
  EXPECT_EQ(status_of(Method::get, "/users/me", rotated), 401);
  EXPECT_EQ(ask(Method::del, path).status, 404);
}

TEST_F(Authentication, a_key_that_hibernated_works_and_still_ends_at_once) {
  const auto key = make_key({{"name", "a"}});
  const auto id = key["id"].get<std::string>();
  const auto hibernate = [&] {
    // Noting the key's use may be on its way.
    while (!runtime->hibernate({"api_key", id})) std::this_thread::yield();
  };
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  hibernate();
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  hibernate();
  EXPECT_EQ(ask(Method::del, "/api-keys/" + id).status, 204);
  hibernate();
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 401);
}

TEST_F(Authentication, ends_at_once_when_a_key_expires) {
  const auto soon = format_rfc3339(clock.now() + std::chrono::minutes{5});
  const auto key = make_key({{"name", "a"}, {"expires_at", soon}});
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  clock.shift += std::chrono::minutes{6};
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 401);
}

TEST_F(Authentication, holds_a_key_to_its_scopes) {
  const auto key = make_key({{"name", "a"}, {"scopes", {"notebooks:read"}}});
  EXPECT_EQ(status_of(Method::get, "/notebooks", key), 200);
  EXPECT_EQ(status_of(Method::post, "/notebooks", key, R"({"title":"x"})"), 403);
  EXPECT_EQ(status_of(Method::get, "/conversations", key), 403);
  const auto writer = make_key({{"name", "b"}, {"scopes", {"notebooks:write"}}});
  EXPECT_EQ(status_of(Method::get, "/notebooks", writer), 200);
  EXPECT_EQ(status_of(Method::post, "/notebooks", writer, R"({"title":"x"})"), 201);
}

TEST_F(Authentication, a_key_cannot_make_a_stronger_one) {
  const auto key = make_key({{"name", "a"}, {"scopes", {"api-keys:write", "notebooks:read"}}});
  const auto strong = make_key({{"name", "strong"}});
  EXPECT_EQ(status_of(Method::post, "/api-keys", key, R"({"name":"x"})"), 403);
  EXPECT_EQ(
      status_of(Method::post, "/api-keys", key, R"({"name":"x","scopes":["notebooks:write"]})"),
      403);
  EXPECT_EQ(
      status_of(Method::post, "/api-keys", key, R"({"name":"x","scopes":["notebooks:read"]})"),
      201);
  const auto own = "/api-keys/" + key["id"].get<std::string>();
  EXPECT_EQ(status_of(Method::patch, own, key, R"({"scopes":["*"]})"), 403);
  const auto other = "/api-keys/" + strong["id"].get<std::string>();
  EXPECT_EQ(status_of(Method::post, other + "/rotate", key), 403);
}

TEST_F(Authentication, limits_a_key_by_its_own_rate) {
  const auto key = make_key({{"name", "a"}, {"rate_limit", {{"requests", 1}, {"window_s", 3600}}}});
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  EXPECT_EQ(status_of(Method::get, "/users/me", key), 429);
  EXPECT_EQ(get("/users/me").status, 200);
}

TEST_F(Authentication, notes_the_last_use_at_most_once_a_minute) {
  const auto key = make_key({{"name", "a"}});
  const ObjectId object{"api_key", key["id"].get<std::string>()};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status_of(Method::get, "/users/me", key), 200);
  // Turns of one object run in order: behind this one the touch has run.
  const auto path = "/api-keys/" + object.id;
  const auto now = ask(Method::patch, path, R"({"name":"b"})").json();
  EXPECT_NE(now["last_used_at"], nullptr);
  EXPECT_EQ(get(path).field("ETag"), "\"3\"");
}

TEST_F(Authentication, an_admin_key_of_the_operator_fits_into_a_header_and_is_not_short) {
  for (const auto& key : {std::string{"two words that are long enough"}, std::string(513, 'x'),
                          std::string(23, 'x')}) {
    EXPECT_EQ(ensure_admin(*runtime, clock, random, key).error().code, ErrorCode::invalid);
  }
  EXPECT_EQ(ensure_admin(*runtime, clock, random, admin_key)->made, "");
  EXPECT_EQ(ensure_admin(*runtime, clock, random, "")->made, "");
}

TEST_F(Authentication, another_admin_key_of_the_operator_takes_the_place_of_the_one_before) {
  const std::string other = "another-admin-key-for-the-tests";
  const auto own = make_key({{"name", "made by the administrator"}});
  const auto key = ensure_admin(*runtime, clock, random, other);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->made, "");
  EXPECT_EQ(key->prefix, "anot...");
  EXPECT_EQ(ask(Method::get, "/users", {}, {}, other).status, 200);
  EXPECT_EQ(get("/users").status, 401);
  EXPECT_EQ(status_of(Method::get, "/users", own), 200);
}

TEST_F(Authentication, another_admin_key_of_the_operator_finds_its_user_under_any_name) {
  const std::string other = "another-admin-key-for-the-tests";
  const auto me = get("/users/me").json()["id"];
  ask(Method::patch, "/users/me", R"({"username":"root","email":"me@example.org"})");
  EXPECT_EQ(post("/users", {{"email", "admin@perdure.invalid"}, {"username", "admin"}}).status,
            201);
  ASSERT_TRUE(ensure_admin(*runtime, clock, random, other));
  EXPECT_EQ(get("/users").status, 401);
  EXPECT_EQ(ask(Method::get, "/users/me", {}, {}, other).json()["id"], me);
}

TEST_F(Authentication,
       another_admin_key_of_the_operator_gets_another_user_for_one_that_was_erased) {
  const std::string other = "another-admin-key-for-the-tests";
  const ObjectId me{"user", get("/users/me").json()["id"].get<std::string>()};
  add_administrator();
  ASSERT_TRUE(runtime->call({.target = me, .name = "erase"}).get());
  ASSERT_TRUE(runtime->call({.target = me, .name = "$remove"}).get());
  const auto taken = Json{{"email", "bob@example.org"}, {"username", "admin"}};
  ASSERT_TRUE(
      runtime->call({.target = {"user", "bob"}, .name = "create", .payload = taken, .owner = "bob"})
          .get());
  ASSERT_TRUE(ensure_admin(*runtime, clock, random, other));
  const auto made = ask(Method::get, "/users/me", {}, {}, other).json();
  EXPECT_EQ(made["role"], "admin");
  EXPECT_NE(made["id"], me.id);
  EXPECT_EQ(get("/users").status, 401);
}

TEST_F(Authentication, an_admin_key_of_the_operator_is_no_key_that_a_user_has) {
  const auto bob = post("/users", {{"email", "bob@example.org"}}).json()["id"];
  const std::string secret = "the-secret-of-an-ordinary-user";
  const Json key{{"name", "laptop"},
                 {"scopes", {"notebooks:read"}},
                 {"prefix", "the-"},
                 {"secret_hash", to_hex(bytes_of(sha256(secret)))}};
  ASSERT_TRUE(
      runtime
          ->call({.target = {"api_key", "bobs"},
                  .name = "create",
                  .payload = key,
                  .principal = {.role = Principal::Role::user, .user_id = bob.get<std::string>()},
                  .owner = bob.get<std::string>()})
          .get());
  const auto refused = ensure_admin(*runtime, clock, random, secret);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_NE(refused.error().detail.find("bobs"), std::string::npos);
  EXPECT_EQ(runtime->inspect({"api_key", "bobs"})->state["scopes"], Json({"notebooks:read"}));
  EXPECT_EQ(get("/users").status, 200) << "the operator's key is as it was";
}

TEST_F(Authentication, the_mark_of_the_operator_is_moved_by_the_server_alone) {
  const auto bob = post("/users", {{"email", "bob@example.org"}}).json()["id"].get<std::string>();
  const auto asked =
      post("/durable-objects/user/" + bob + "/request", {{"command", "take_operator_mark"}});
  EXPECT_EQ(asked.status, 403) << asked.text;
}

TEST_F(Authentication, an_admin_key_of_the_operator_is_mended_with_its_user) {
  const auto keys = get("/api-keys").json();
  const ObjectId object{"api_key", keys["items"][0]["id"].get<std::string>()};
  const auto user = get("/users/me").json()["id"].get<std::string>();
  const auto tell = [&](const ObjectId& target, std::string name, Json payload = nullptr) {
    EXPECT_TRUE(
        runtime->call({.target = target, .name = std::move(name), .payload = std::move(payload)})
            .get());
  };
  add_administrator();
  tell(object, "update",
       {{"scopes", {"jobs:read"}}, {"rate_limit", {{"requests", 1}, {"window_s", 9}}}});
  tell(object, "$remove");
  tell({"user", user}, "deactivate");
  tell({"user", user}, "$remove");
  EXPECT_EQ(get("/users").status, 401);
  const auto mended = ensure_admin(*runtime, clock, random, admin_key);
  ASSERT_TRUE(mended);
  EXPECT_EQ(mended->mended.size(), 5U);
  EXPECT_EQ(get("/users").status, 200);
  EXPECT_TRUE(ensure_admin(*runtime, clock, random, admin_key)->mended.empty());
  tell(object, "revoke");
  const auto found = ensure_admin(*runtime, clock, random, "");
  EXPECT_EQ(found->prefix, "");
  EXPECT_NE(found->trouble, "");
}

}  // namespace
}  // namespace perdure::api
