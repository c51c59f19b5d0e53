// SPDX-License-Identifier: Apache-2.0
// What webhooks of users are that come and go. What they deliver: tests/blackbox/webhooks_test.py.
#include <future>
#include <mutex>
#include <thread>

#include "fixture.hpp"
#include "perdure/actors/webhook.hpp"

namespace perdure::api {
namespace {

using http::Method;

const std::string body = R"({"url":"https://example.org/","topics":["notebook.*"]})";

struct Webhooks : MembersTest {
  /// Effects that get to where they would be sent.
  void listen() {
    runtime->set_performer(
        "http",
        actors::webhook::for_active_owners(*runtime, [this](std::shared_ptr<Effect> effect) {
          {
            const std::scoped_lock lock{mutex};
            sent.push_back(effect->payload().at("url"));
          }
          effect->finish(Json{{"status", 204}, {"headers", Json::object()}});
        }));
  }
  std::size_t sent_count() {
    const std::scoped_lock lock{mutex};
    return sent.size();
  }
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 3'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return false;
  }

  std::mutex mutex;
  std::vector<std::string> sent;
};

TEST_F(Webhooks, of_a_user_are_a_thousand_at_most_also_when_they_are_made_at_the_same_time) {
  const auto bob = make_user("bob@example.org");
  const auto eve = make_user("eve@example.org");
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 1'030; ++i) answers.push_back(send(Method::post, "/webhooks", body, {}, bob));
  std::size_t made = 0;
  for (auto& answer : answers) {
    const auto status = answer.get().status;
    EXPECT_TRUE(status == 201 || status == 422 || status == 429) << status;
    made += status == 201 ? 1 : 0;
  }
  EXPECT_LE(made, 1'000U);
  for (; made < 1'000; ++made) EXPECT_EQ(as(bob, Method::post, "/webhooks", body).status, 201);
  const auto refused = as(bob, Method::post, "/webhooks", body);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json()["errors"][0]["code"], "limit") << refused.text;
  EXPECT_EQ(as(eve, Method::post, "/webhooks", body).status, 201);
}

TEST_F(Webhooks, of_a_deactivated_user_send_nothing_and_go_on_when_it_is_active_and_enables_them) {
  listen();
  const auto bob = make_user("bob@example.org");
  const auto made = as(bob, Method::post, "/webhooks", body);
  ASSERT_EQ(made.status, 201) << made.text;
  const auto path = "/webhooks/" + made.json()["id"].get<std::string>();
  as(bob, Method::post, "/notebooks", R"({"title":"one"})");
  ASSERT_TRUE(eventually([&] { return sent_count() == 1; }));

  ASSERT_EQ(post("/users/" + id + "/deactivate", Json::object()).status, 200);
  // What somebody else does to what is his is an event of his still.
  ASSERT_EQ(post(path + "/test", Json::object()).status, 202);
  const auto reason = [&] { return get(path).json()["disabled_reason"]; };
  ASSERT_TRUE(eventually([&] { return reason() == "owner_inactive"; }));
  EXPECT_EQ(get(path).json()["enabled"], false);
  const auto waiting = get(path + "/deliveries?status=pending").json()["items"];
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0]["attempts"], 0) << "none was made";
  EXPECT_EQ(sent_count(), 1U);
  // Enabled by somebody else, it is disabled again.
  EXPECT_EQ(ask(Method::patch, path, R"({"enabled":true})").status, 200);
  ASSERT_TRUE(eventually([&] { return reason() == "owner_inactive"; }));
  EXPECT_EQ(sent_count(), 1U);

  ASSERT_EQ(post("/users/" + id + "/activate", Json::object()).status, 200);
  EXPECT_EQ(as(bob, Method::patch, path, R"({"enabled":true})").status, 200);
  EXPECT_TRUE(eventually([&] { return sent_count() == 2; }));
  EXPECT_TRUE(eventually(
      [&] { return get(path + "/deliveries?status=succeeded").json()["items"].size() == 2; }));
}

}  // namespace
}  // namespace perdure::api
