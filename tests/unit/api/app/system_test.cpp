// SPDX-License-Identifier: Apache-2.0
#include "app/problem.hpp"
#include "fixture.hpp"
#include "perdure/base/error_table.hpp"

namespace perdure::api {
namespace {

using http::Method;
using System = ApplicationTest;

TEST_F(System, says_what_it_is) {
  start({.version = "1.2.3", .features = {"tls"}});
  EXPECT_EQ(get("/").json()["version"], "1.2.3");
  EXPECT_EQ(get("/api/v1").json()["name"], "Perdure");
  EXPECT_EQ(get("/info").json()["features"].back(), "tls");
}

TEST_F(System, is_healthy_with_a_check_of_each_dependency) {
  start({.data_dir = directory});
  const auto health = get("/health");
  EXPECT_EQ(health.status, 200) << health.text;
  for (const char* check : {"storage", "disk", "event_loop"}) {
    EXPECT_EQ(health.json()["checks"][check]["status"], "ok") << check;
  }
  start({.data_dir = directory, .free_bytes_min = ~std::uint64_t{0}});
  EXPECT_EQ(get("/health").json()["status"], "degraded");
}

TEST_F(System, says_that_no_provider_of_models_is_configured) {
  const auto overview = get("/ai");
  EXPECT_EQ(overview.status, 200) << overview.text;
  EXPECT_EQ(overview.json()["providers"], Json::array());
  EXPECT_TRUE(overview.json()["defaults"]["chat"].is_null());
}

TEST_F(System, is_not_ready_while_it_drains) {
  EXPECT_EQ(get("/health/ready").status, 200);
  application->start_draining();
  const auto ready = get("/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.field("Retry-After"), "");
  EXPECT_EQ(get("/health/live").status, 200);
}

TEST_F(System, shows_metrics_to_administrators) {
  EXPECT_EQ(get("/metrics").status, 404);
  start({.metrics = {.meter = {}, .expose = [](shell::Exposition) { return "up 1\n"; }}});
  EXPECT_EQ(get("/metrics").text, "up 1\n");
  EXPECT_EQ(ask(Method::get, "/metrics", {}, {}, "").status, 401);
}

TEST_F(System, shows_metrics_in_the_form_that_is_asked_for) {
  start({.metrics = {.meter = {}, .expose = [](shell::Exposition form) {
                       return form == shell::Exposition::text ? "text" : "open";
                     }}});
  const auto asked = [&](const char* accept) { return get("/metrics", {{"Accept", accept}}); };
  EXPECT_EQ(asked("*/*").text, "text");
  EXPECT_EQ(asked("application/openmetrics-text").text, "open");
  EXPECT_EQ(asked("text/plain;q=0.5, application/openmetrics-text;q=0.4").text, "text");
  const auto prometheus = asked(
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
      "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1");
  EXPECT_EQ(prometheus.text, "open");
  EXPECT_EQ(prometheus.field("Content-Type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(asked("application/openmetrics-text;version=9.0.0").status, 406);
  EXPECT_EQ(asked("application/json").status, 406);
}

TEST_F(System, describes_every_route_in_openapi) {
  const auto document = get("/openapi.json").json();
  EXPECT_EQ(document["openapi"], "3.1.0");
  const auto& request = document["paths"]["/durable-objects/{kind}/{id}/request"]["post"];
  EXPECT_EQ(request["operationId"], "requestObject");
  EXPECT_EQ(request["requestBody"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/ObjectRequest");
  EXPECT_TRUE(document["paths"]["/health"]["get"]["security"].empty());
  EXPECT_TRUE(document["components"]["schemas"].contains("NotebookCreate"));
}

TEST_F(System, explains_each_code_of_the_table_to_everybody) {
  for (const auto& row : error_table()) {
    const auto path = problem_type(row.traits.name);
    const auto json = ask(Method::get, path, {}, {}, "");
    ASSERT_EQ(json.status, 200) << path;
    EXPECT_EQ(json.json()["type"], path);
    EXPECT_EQ(json.json()["status"], row.traits.http_status);
    EXPECT_EQ(json.json()["meaning"], row.meaning);
    const auto html = ask(Method::get, path, {}, {{"Accept", "text/html, */*;q=0.1"}}, "");
    EXPECT_EQ(html.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(html.text.find('`'), std::string::npos) << html.text;
    EXPECT_EQ(html.field("Vary"), "Accept");
  }
  EXPECT_EQ(ask(Method::get, "/problems/no_such_code", {}, {}, "").status, 404);
}

TEST_F(System, spares_who_has_a_page_already) {
  for (const char* path : {"/openapi.json", "/docs", "/redoc", "/problems/gone"}) {
    const auto whole = ask(Method::get, path, {}, {}, "");
    const auto tag = whole.field("ETag");
    ASSERT_EQ(tag.size(), 18U) << path;
    const auto spared = ask(Method::get, path, {}, {{"If-None-Match", tag}}, "");
    EXPECT_EQ(spared.status, 304) << path;
    EXPECT_EQ(spared.text, "");
    EXPECT_EQ(spared.field("ETag"), tag);
    EXPECT_EQ(spared.field("Cache-Control"), whole.field("Cache-Control"));
    EXPECT_EQ(ask(Method::get, path, {}, {{"If-None-Match", "\"x\""}}, "").status, 200);
  }
}

TEST_F(System, serves_its_pages_from_the_program) {
  for (const char* page : {"/docs", "/redoc"}) {
    const auto answer = ask(Method::get, page, {}, {{"Accept", "text/html"}}, "");
    ASSERT_EQ(answer.status, 200) << answer.text;
    EXPECT_NE(answer.field("Content-Security-Policy").find("default-src 'none'"),
              std::string::npos);
    // The first script of the page.
    const auto at = answer.text.find("<script src=\"") + 13;
    const auto script = answer.text.substr(at, answer.text.find('"', at) - at);
    const auto asset = ask(Method::get, script, {}, {}, "");
    EXPECT_EQ(asset.status, 200) << script;
    EXPECT_EQ(asset.field("Content-Type"), "text/javascript; charset=utf-8");
    EXPECT_NE(asset.field("Cache-Control").find("immutable"), std::string::npos);
    EXPECT_GT(asset.text.size(), 100'000U);
  }
}

}  // namespace
}  // namespace perdure::api
