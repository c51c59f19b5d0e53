// SPDX-License-Identifier: Apache-2.0
// What holds for every route.
#include <future>

#include "fixture.hpp"

namespace perdure::api {
namespace {

using http::Method;
using Conventions = ApplicationTest;

Json notebook(const std::string& title) { return {{"title", title}}; }

TEST_F(Conventions, every_failure_is_a_problem) {
  const auto answer = post("/api/v1/notebooks?x=1", {{"title", 5}, {"colour", "red"}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
  const auto problem = answer.json();
  EXPECT_EQ(problem["type"], "/problems/validation_failed");
  EXPECT_EQ(problem["title"], "Unprocessable Content");
  EXPECT_EQ(problem["status"], 422);
  EXPECT_EQ(problem["error"], problem["detail"]);
  EXPECT_EQ(problem["code"], "validation_failed");
  EXPECT_EQ(problem["instance"], "/api/v1/notebooks");
  EXPECT_EQ(problem["request_id"], "test-request");
  EXPECT_EQ(problem["errors"][0]["pointer"], "x");
  EXPECT_TRUE(problem["details"].contains("x"));
}

TEST_F(Conventions, a_broken_body_names_each_member) {
  const auto problem = post("/notebooks", {{"title", 5}, {"colour", "red"}}).json();
  EXPECT_TRUE(problem["details"].contains("title")) << problem;
  EXPECT_TRUE(problem["details"].contains("colour")) << problem;
}

TEST_F(Conventions, a_body_that_is_no_json_is_malformed) {
  const std::vector<std::string> bodies{"",    "{",         "{\"title\":\"\xff\"}", "{} x",
                                        "[1]", {"{}\0", 3}, std::string(200, '[')};
  for (const auto& body : bodies) {
    const auto answer = ask(Method::post, "/notebooks", body);
    const int expected = body.empty() ? 411 : body == "[1]" ? 422 : 400;
    EXPECT_EQ(answer.status, expected) << body << answer.text;
  }
}

TEST_F(Conventions, media_types_are_held_to) {
  const Fields form{{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(ask(Method::post, "/notebooks", "title=x", form).status, 415);
  const Fields patch{{"Content-Type", "application/merge-patch+json"}};
  EXPECT_EQ(ask(Method::post, "/notebooks", R"({"title":"x"})", patch).status, 415);
  EXPECT_EQ(get("/notebooks", {{"Accept", "text/html"}}).status, 406);
  EXPECT_EQ(get("/notebooks", {{"Accept", "text/html, */*"}}).status, 200);
}

TEST_F(Conventions, unknown_paths_and_methods_are_told_apart) {
  EXPECT_EQ(get("/nothing").status, 404);
  const auto wrong = ask(Method::del, "/notebooks");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.field("Allow"), "GET, HEAD, POST, OPTIONS");
  const auto options = ask(Method::options, "/notebooks/1", {}, {}, "");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.field("Allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(ask(Method::head, "/notebooks").status, 200);
  EXPECT_EQ(get("/notebooks/%zz").status, 400);
}

TEST_F(Conventions, etags_spare_reads_and_guard_changes) {
  const auto made = post("/notebooks", notebook("a"));
  ASSERT_EQ(made.status, 201) << made.text;
  const auto path = made.field("Location");
  EXPECT_EQ(get(path).field("ETag"), "\"1\"");
  EXPECT_EQ(get(path, {{"If-None-Match", "W/\"1\", \"7\""}}).status, 304);
  EXPECT_EQ(get(path, {{"If-None-Match", "*"}}).status, 304);
  EXPECT_EQ(get(path, {{"If-None-Match", "\"2\""}}).status, 200);
  EXPECT_EQ(get(path, {{"If-Match", "\"2\""}}).status, 412);

  const auto patch = [&](const char* tags) {
    return ask(Method::patch, path, R"({"title":"b"})", {{"If-Match", tags}}).status;
  };
  EXPECT_EQ(patch("\"7\""), 412);
  EXPECT_EQ(patch("W/\"1\""), 412);
  EXPECT_EQ(patch("\"x\", \"9\""), 412);
  EXPECT_EQ(patch("nonsense"), 400);
  EXPECT_EQ(patch("\"7\", \"1\""), 200);
  EXPECT_EQ(patch("\"1\""), 412);
  EXPECT_EQ(patch("*"), 200);
  EXPECT_EQ(ask(Method::put, path, R"({"title":"c"})", {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(ask(Method::patch, "/notebooks/none", "{}", {{"If-Match", "*"}}).status, 404);
}

TEST_F(Conventions, a_304_has_the_fields_that_the_200_would_have) {
  const auto path = post("/notebooks", {{"title", "a"}, {"description", std::string(2'000, 'x')}})
                        .field("Location");
  const auto small = post("/notebooks", notebook("b")).field("Location");
  for (const auto* tag : {"\"1\"", "\"1-gzip\""}) {
    const auto spared = get(path, {{"If-None-Match", tag}});
    EXPECT_EQ(spared.status, 304);
    EXPECT_EQ(spared.field("ETag"), tag);
    EXPECT_EQ(spared.field("Cache-Control"), get(path).field("Cache-Control"));
    EXPECT_NE(spared.headers.wire_text().find("Vary: Accept-Encoding\r\n"), std::string::npos);
    EXPECT_EQ(get(small, {{"If-None-Match", tag}}).headers.wire_text().find("Accept-Encoding"),
              std::string::npos);
  }
  const auto any = get(path, {{"If-None-Match", "*"}, {"Accept-Encoding", "gzip"}});
  EXPECT_EQ(any.field("ETag"), "\"1-gzip\"");
  EXPECT_EQ(ask(Method::patch, path, R"({"title":"c"})", {{"If-Match", "\"1-gzip\""}}).status, 200);
}

TEST_F(Conventions, an_absent_payload_is_an_empty_one) {
  const std::string path = "/durable-objects/document/bare";
  const auto request = [&](const char* body) { return ask(Method::post, path + "/request", body); };
  ASSERT_EQ(request(R"({"command":"put","payload":{"a":1}})").status, 200);
  EXPECT_EQ(request(R"({"command":"patch"})").json(), Json({{"a", 1}}));
  EXPECT_EQ(request(R"({"command":"patch","payload":null})").status, 422) << "null is not absent";
  const auto together = [&](const char* step) {
    return ask(Method::post, "/durable-objects/transact",
               R"({"steps":[{"kind":"document","id":"bare","command":"patch")" + std::string{step} +
                   "}]}")
        .status;
  };
  EXPECT_EQ(together(""), 200);
  EXPECT_EQ(together(R"(,"payload":null)"), 422);
  const auto alarm =
      ask(Method::post, path + "/alarms", R"({"name":"a","command":"patch","after_ms":60000})");
  EXPECT_EQ(alarm.json()["payload"], Json::object()) << alarm.text;
}

TEST_F(Conventions, a_create_with_one_key_makes_one_object) {
  const Fields key{{"Idempotency-Key", "k-1"}};
  const auto first = post("/notebooks", notebook("a"), key);
  const auto again = post("/api/notebooks", notebook("a"), key);
  ASSERT_EQ(first.status, 201) << first.text;
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(again.field("Location"), first.field("Location"));
  EXPECT_EQ(first.field("Idempotent-Replayed"), "");
  EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
  EXPECT_EQ(get("/notebooks").json()["items"].size(), 1U);

  const auto other = post("/notebooks", notebook("b"), key);
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.json()["code"], "idempotency_key_reused");
  EXPECT_EQ(post("/notebooks", notebook("a"), {{"Idempotency-Key", ""}}).status, 422);
}

TEST_F(Conventions, concurrent_creates_with_one_key_make_one_object) {
  std::vector<std::future<Answer>> waiting;
  for (int i = 0; i < 16; ++i) {
    waiting.push_back(
        send(Method::post, "/notebooks", R"({"title":"a"})", {{"Idempotency-Key", "k-2"}}));
  }
  std::string text;
  int replayed = 0;
  for (auto& future : waiting) {
    const auto answer = future.get();
    EXPECT_EQ(answer.status, 201) << answer.text;
    if (text.empty()) text = answer.text;
    EXPECT_EQ(answer.text, text);
    replayed += answer.field("Idempotent-Replayed") == "true" ? 1 : 0;
  }
  EXPECT_EQ(replayed, 15);
}

TEST_F(Conventions, lists_go_on_by_cursor_and_refuse_the_undeclared) {
  for (const char* title : {"c", "a", "b"}) {
    ASSERT_EQ(post("/notebooks", {{"title", title}, {"tags", {"t"}}}).status, 201);
  }
  auto page = get("/notebooks?sort=title&tag=t&limit=2");
  ASSERT_EQ(page.status, 200) << page.text;
  EXPECT_EQ(page.json()["items"][0]["title"], "a");
  const auto link = page.field("Link");
  ASSERT_TRUE(link.ends_with(">; rel=\"next\"")) << link;
  page = get(link.substr(1, link.find('>') - 1));
  ASSERT_EQ(page.status, 200) << page.text;
  EXPECT_EQ(page.json()["items"][0]["title"], "c");
  EXPECT_EQ(page.json()["next_cursor"], nullptr);
  EXPECT_EQ(page.field("Link"), "");

  for (const char* query : {"limit=0", "limit=501", "limit=x", "sort=colour", "colour=red",
                            "limit=1&limit=2", "deleted=yes", "cursor=!!"}) {
    EXPECT_EQ(get(std::string{"/notebooks?"} + query).status, 422) << query;
  }
}

TEST_F(Conventions, put_and_patch_keep_what_is_left_out_and_null_clears) {
  const auto path = post("/notebooks", {{"title", "a"}, {"description", "d"}}).field("Location");
  EXPECT_EQ(ask(Method::put, path, R"({"title":"b"})").json()["description"], "d");
  EXPECT_EQ(ask(Method::patch, path, R"({"description":null,"id":"mine"})").json()["description"],
            nullptr);
  EXPECT_EQ(ask(Method::patch, path, R"({"title":null})").status, 422);
}

TEST_F(Conventions, a_delete_can_be_undone) {
  const auto path = post("/notebooks", notebook("a")).field("Location");
  EXPECT_EQ(ask(Method::del, path).status, 204);
  EXPECT_EQ(get(path).status, 404);
  EXPECT_EQ(ask(Method::del, path).status, 404);
  EXPECT_TRUE(get("/notebooks").json()["items"].empty());
  EXPECT_EQ(get("/notebooks?deleted=true").json()["items"].size(), 1U);
  EXPECT_EQ(ask(Method::post, path + "/restore").json()["title"], "a");
  EXPECT_EQ(get(path).status, 200);
}

TEST_F(Conventions, resources_have_the_common_members) {
  const auto body = post("/notebooks", {{"title", "a"}, {"metadata", {{"x", 1}}}}).json();
  for (const char* name : {"id", "user_id", "organization_id", "created_at", "updated_at",
                           "created_by", "updated_by", "metadata"}) {
    EXPECT_TRUE(body.contains(name)) << name;
  }
  EXPECT_EQ(body["metadata"]["x"], 1);
  EXPECT_FALSE(body.contains("internal"));
}

TEST_F(Conventions, a_trace_is_passed_on_when_valid) {
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto made =
      post("/durable-objects", {{"kind", "counter"}, {"id", "t"}}, {{"traceparent", trace}});
  EXPECT_EQ(made.field("traceparent"), trace);
  const auto journal = get("/durable-objects/counter/t/journal").json();
  EXPECT_EQ(journal["items"][0]["traceparent"], trace);
  EXPECT_EQ(journal["items"][0]["request_id"], "test-request");
  EXPECT_EQ(get("/users/me", {{"traceparent", "00-x"}}).field("traceparent"), "");
}

TEST_F(Conventions, rates_are_shown_and_held) {
  start({.key_rate = {.requests = 2, .window = std::chrono::seconds{60}}});
  const auto first = get("/users/me");
  EXPECT_EQ(first.field("RateLimit-Policy"), "\"key\";q=2;w=60");
  EXPECT_EQ(first.field("RateLimit"), "\"key\";r=1;t=30");
  EXPECT_EQ(get("/users/me").status, 200);
  const auto refused = get("/users/me");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json()["code"], "rate_limited");
  EXPECT_EQ(refused.field("Retry-After"), "30");
  clock.shift += std::chrono::seconds{31};
  EXPECT_EQ(get("/users/me").status, 200);
}

TEST_F(Conventions, other_origins_are_refused_unless_listed) {
  const Fields preflight{{"Origin", "https://app.example"},
                         {"Access-Control-Request-Method", "POST"}};
  EXPECT_EQ(
      ask(Method::options, "/notebooks", {}, preflight, "").field("Access-Control-Allow-Origin"),
      "");
  start({.cors_origins = {"https://app.example"}});
  const auto allowed = ask(Method::options, "/notebooks", {}, preflight, "");
  EXPECT_EQ(allowed.field("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_NE(allowed.field("Access-Control-Allow-Methods").find("POST"), std::string::npos);
  const auto other = get("/users/me", {{"Origin", "https://evil.example"}});
  EXPECT_EQ(other.field("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(other.field("Vary"), "Authorization, X-API-Key");
}

TEST_F(Conventions, refusals_of_the_http_layer_can_be_read_by_listed_pages) {
  const auto origin_of = [&](std::optional<std::string_view> origin) {
    const auto refusal =
        application->render_problem({.status = 431, .code = "headers_too_large", .origin = origin});
    return std::string{refusal.headers.find("Access-Control-Allow-Origin").value_or("")};
  };
  EXPECT_EQ(origin_of("https://app.example"), "");
  start({.cors_origins = {"https://app.example"}});
  EXPECT_EQ(origin_of("https://app.example"), "https://app.example");
  EXPECT_EQ(origin_of("https://evil.example"), "");
  EXPECT_EQ(origin_of(""), "");
  EXPECT_EQ(origin_of({}), "https://app.example") << "there is no other page";
  start({.cors_origins = {"https://app.example", "https://other.example"}});
  EXPECT_EQ(origin_of({}), "") << "nobody knows which of the two it is";
}

}  // namespace
}  // namespace perdure::api
