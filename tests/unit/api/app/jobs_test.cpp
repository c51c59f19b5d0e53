// SPDX-License-Identifier: Apache-2.0
// /jobs as its callers see it. What jobs do is tested with the kinds, and by the real server.
#include <thread>

#include "fixture.hpp"

namespace perdure::api {
namespace {

using http::Method;

struct JobRoutes : MembersTest {
  JobRoutes() {
    start({.job_stats = [this](const std::optional<std::string>& owner) {
      return actors::job_stats(*runtime, job_types, {}, owner);
    }});
  }
  std::string make(const std::string& key) {
    const auto made = as(key, Method::post, "/jobs", R"({"type":"echo"})");
    EXPECT_EQ(made.status, 201) << made.text;
    return made.json()["id"].get<std::string>();
  }
  Json listed(const std::string& key, const std::string& query = "") {
    Json ids = Json::array();
    const Json page = as(key, Method::get, "/jobs" + query).json();
    for (const auto& job : page["items"]) ids.push_back(job["id"]);
    return ids;
  }
};

TEST_F(JobRoutes, show_everybody_their_own_and_administrators_all) {
  const auto ann = make_user("ann@example.org");
  const auto bob = make_user("bob@example.org");
  const auto job = make(ann);
  std::this_thread::sleep_for(std::chrono::milliseconds{2});  // lists are ordered by milliseconds
  const auto other = make(bob);
  EXPECT_EQ(listed(ann), Json({job}));
  EXPECT_EQ(listed(bob, "?status=queued&type=echo&queue=default"), Json({other}));
  EXPECT_EQ(listed(admin_key), Json({other, job}));
  EXPECT_EQ(listed(admin_key, "?status=queued&type=echo"), Json({other, job}));
  for (const auto* of : {"", "/runs", "/events", "/output"}) {
    EXPECT_EQ(as(bob, Method::get, "/jobs/" + job + of).status, 404) << of;
  }
  EXPECT_EQ(as(bob, Method::post, "/jobs/" + job + "/cancel").status, 404);
  EXPECT_EQ(as(bob, Method::del, "/jobs/" + job).status, 404);
  EXPECT_EQ(as(ann, Method::del, "/jobs/" + job).status, 409);
  EXPECT_EQ(as(ann, Method::post, "/jobs/" + job + "/cancel").json()["status"], "cancelled");
  EXPECT_EQ(as(ann, Method::del, "/jobs/" + job).status, 204);
  EXPECT_EQ(listed(ann), Json::array());
}

TEST_F(JobRoutes, count_for_everybody_their_own) {
  const auto ann = make_user("ann@example.org");
  const auto bob = make_user("bob@example.org");
  make(ann);
  const auto stats = [&](const std::string& key) {
    return as(key, Method::get, "/jobs/stats").json();
  };
  for (int i = 0; i < 1'000 && stats(ann)["queues"].empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  EXPECT_EQ(stats(ann)["queues"][0]["queue"], "default");
  EXPECT_EQ(stats(bob)["queues"], Json::array());
  EXPECT_EQ(stats(admin_key)["queues"][0]["queue"], "default");
  EXPECT_EQ(stats(bob)["performers"].size(), job_types.names().size());
}

TEST_F(JobRoutes, erase_jobs_with_their_owner) {
  const auto ann = make_user("ann@example.org");
  const auto job = make(ann);
  const auto archive = as(ann, Method::get, "/users/me/export");
  EXPECT_NE(archive.text.find(job), std::string::npos) << archive.text;
  EXPECT_EQ(as(ann, Method::del, "/users/me").status, 204);
  EXPECT_FALSE(runtime->inspect({"job", job}));
  // The queue is nobody's, and stays.
  EXPECT_TRUE(runtime->inspect({"job_queue", "default"}));
}

}  // namespace
}  // namespace perdure::api
