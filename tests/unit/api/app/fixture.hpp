// SPDX-License-Identifier: Apache-2.0
// A real application on a real runtime in a directory of its own, asked without a socket.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exchange.hpp"
#include "perdure/actors/jobs.hpp"
#include "perdure/actors/kinds.hpp"
#include "perdure/api/app/application.hpp"
#include "perdure/api/app/bootstrap.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::api {

inline constexpr const char* admin_key = "an-admin-key-for-the-tests";

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return SystemClock{}.now() + shift; }
  [[nodiscard]] Milliseconds monotonic() const override {
    return SystemClock{}.monotonic() + shift;
  }
  Milliseconds shift{0};
};

using Fields = std::vector<std::pair<std::string, std::string>>;

struct ApplicationTest : testing::Test {
  explicit ApplicationTest(std::vector<Kind> more = {}) : more_kinds(std::move(more)) { start({}); }
  ~ApplicationTest() override {
    application.reset();
    runtime.reset();
    std::filesystem::remove_all(directory);
  }

  void start(ApplicationOptions options) {
    application.reset();
    if (!runtime) {
      auto kinds = actors::built_in_kinds();
      for (auto& kind : actors::domain_kinds()) kinds.push_back(std::move(kind));
      for (auto& kind : actors::job_kinds(job_types, {})) kinds.push_back(std::move(kind));
      for (const auto& kind : more_kinds) kinds.push_back(kind);
      runtime = Runtime::open({.data_dir = directory, .durability = DurabilityMode::buffered},
                              std::move(kinds))
                    .value();
      EXPECT_TRUE(ensure_admin(*runtime, clock, random, admin_key));
    }
    application = std::make_unique<Application>(*runtime, clock, random, std::move(options));
  }

  std::future<Answer> send(http::Method method, std::string target, std::string body = {},
                           const Fields& fields = {}, std::string key = admin_key) {
    http::Request request;
    request.method = method;
    request.target = std::move(target);
    request.body = std::move(body);
    request.request_id = "test-request";
    if (!key.empty()) request.headers.add("Authorization", "Bearer " + key);
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    auto exchange = std::make_shared<Waiting>();
    auto future = exchange->future();
    application->handle(std::move(request), http::Responder{exchange});
    return future;
  }
  Answer ask(http::Method method, std::string target, std::string body = {},
             const Fields& fields = {}, std::string key = admin_key) {
    return send(method, std::move(target), std::move(body), fields, std::move(key)).get();
  }
  Answer get(std::string target, const Fields& fields = {}) {
    return ask(http::Method::get, std::move(target), {}, fields);
  }
  Answer post(std::string target, const Json& body, const Fields& fields = {}) {
    return ask(http::Method::post, std::move(target), dump_json(body), fields);
  }

  static std::filesystem::path fresh_directory() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    auto path = std::filesystem::temp_directory_path() /
                ("perdure-app-" + std::string{info->name()} + "-" + std::to_string(::getpid()));
    std::filesystem::remove_all(path);
    return path;
  }

  std::filesystem::path directory = fresh_directory();
  ManualClock clock;
  SecureRandom random;
  actors::JobTypes job_types = actors::built_in_job_types();  // done by nobody, unless a test does
  std::vector<Kind> more_kinds;
  std::unique_ptr<Runtime> runtime;
  std::unique_ptr<Application> application;
};

/// With users beside the administrator.
struct MembersTest : ApplicationTest {
  // A user with a key of its own, made as a login would.
  std::string make_user(const std::string& email) {
    const auto made = post("/users", {{"email", email}});
    EXPECT_EQ(made.status, 201) << made.text;
    id = made.json()["id"].get<std::string>();
    const std::string secret = "secret-of-" + email;
    const auto key = runtime
                         ->call({.target = {"api_key", "key-of-" + email},
                                 .name = "create",
                                 .payload = {{"name", "test"},
                                             {"prefix", "test"},
                                             {"secret_hash", to_hex(bytes_of(sha256(secret)))}},
                                 .owner = id})
                         .get();
    EXPECT_TRUE(key);
    return secret;
  }
  Answer as(const std::string& key, http::Method method, const std::string& target,
            const std::string& body = {}) {
    return ask(method, target, body, {}, key);
  }
  std::string id;
};

}  // namespace perdure::api
