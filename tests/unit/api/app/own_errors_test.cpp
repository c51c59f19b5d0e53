// SPDX-License-Identifier: Apache-2.0
// What a kind declares for itself, as clients meet it: its errors, and for whom its commands are.
#include "fixture.hpp"

namespace perdure::api {
namespace {

using http::Method;

struct Funds {
  std::int64_t balance = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Funds, balance)

constexpr ErrorType<Funds> insufficient_funds{"insufficient_funds", 402, "There is too little."};

Kind vault_kind() {
  return kind<Json>("vault")
      .error(insufficient_funds)
      .command("take",
               [](Turn&, Json&) -> Result<Json> { return insufficient_funds({.balance = 7}); })
      .command("open", [](Turn&, Json& self) { self["open"] = true; },
               {.callers = Callers::administrators})
      .command("inside", [](Turn&, Json&) {}, {.callers = Callers::messages})
      .query("secret", [](const Json&) { return 1; }, {.callers = Callers::host});
}

struct KindsOwn : ApplicationTest {
  KindsOwn() : ApplicationTest({vault_kind()}) {}
  Answer request(const Json& body) { return post("/durable-objects/vault/v/request", body); }
};

TEST_F(KindsOwn, error_is_a_problem_of_its_status_with_its_members) {
  const auto problem = request({{"command", "take"}});
  EXPECT_EQ(problem.status, 402);
  EXPECT_EQ(problem.field("Content-Type"), "application/problem+json");
  const auto body = problem.json();
  EXPECT_EQ(body["type"], "/problems/insufficient_funds");
  EXPECT_EQ(body["code"], "insufficient_funds");
  EXPECT_EQ(body["title"], "There is too little.");
  EXPECT_EQ(body["status"], 402);
  EXPECT_EQ(body["balance"], 7);
}

TEST_F(KindsOwn, error_is_the_same_in_a_batch_and_in_a_transaction) {
  const auto steps = post("/durable-objects/transact",
                          {{"steps", {{{"kind", "vault"}, {"id", "v"}, {"command", "take"}}}}});
  EXPECT_EQ(steps.json()["code"], "insufficient_funds") << steps.text;
  EXPECT_EQ(steps.json()["balance"], 7);
  for (const bool atomic : {true, false}) {
    const auto batch = post("/batch", {{"atomic", atomic},
                                       {"requests",
                                        {{{"method", "POST"},
                                          {"path", "/durable-objects/vault/v/request"},
                                          {"body", {{"command", "take"}}}}}}});
    const auto problem = atomic ? batch.json() : batch.json()["items"][0]["body"];
    EXPECT_EQ(problem["code"], "insufficient_funds") << batch.text;
    EXPECT_EQ(problem["balance"], 7);
  }
}

TEST_F(KindsOwn, errors_are_explained_and_described) {
  const auto page = ask(Method::get, "/problems/insufficient_funds", {}, {}, "");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.json()["status"], 402);
  EXPECT_EQ(page.json()["meaning"], "There is too little.");
  EXPECT_EQ(ask(Method::get, "/problems/last_admin", {}, {}, "").status, 200);
  const auto document = get("/openapi.json").json();
  const auto& own = document["components"]["schemas"]["Problem_insufficient_funds"];
  EXPECT_EQ(own["allOf"][1]["properties"]["code"]["const"], "insufficient_funds");
  EXPECT_EQ(own["allOf"][1]["properties"]["balance"]["type"], "integer");
  const auto& response =
      document["components"]["responses"]["Problem402"]["content"]["application/problem+json"];
  EXPECT_EQ(response["schema"]["anyOf"][1]["$ref"],
            "#/components/schemas/Problem_insufficient_funds");
  EXPECT_TRUE(
      document["paths"]["/durable-objects/{kind}/{id}/request"]["post"]["responses"].contains(
          "402"));
}

TEST_F(KindsOwn, commands_for_others_are_forbidden) {
  EXPECT_EQ(request({{"command", "open"}}).status, 200);
  EXPECT_EQ(request({{"command", "inside"}}).status, 403);
  EXPECT_EQ(request({{"query", "secret"}}).status, 403);
  EXPECT_EQ(post("/durable-objects/vault/v/alarms",
                 {{"name", "a"}, {"command", "inside"}, {"after_ms", 60'000}})
                .status,
            403);
  // The server's own, too.
  const auto job = post("/jobs", {{"type", "sleep"}, {"payload", {{"ms", 1}}}}).json();
  const auto path = "/durable-objects/job/" + job["id"].get<std::string>() + "/request";
  for (const auto* command : {"begin", "finish", "again", "expire", "time_out"}) {
    EXPECT_EQ(post(path, {{"command", command}, {"payload", Json::object()}}).status, 403)
        << command;
  }
}

}  // namespace
}  // namespace perdure::api
