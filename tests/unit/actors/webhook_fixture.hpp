// SPDX-License-Identifier: Apache-2.0
// A webhook whose attempts are made by the test.
#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "fixture.hpp"
#include "perdure/actors/webhook.hpp"

namespace perdure::actors {

using namespace std::chrono_literals;

inline const ObjectId hook{"webhook", "w"};
inline const Json ok{{"status", 204}, {"headers", Json::object()}};

class Webhook : public KindsTest {
 protected:
  void SetUp() override {
    KindsTest::SetUp();
    listen();
    make(hook, {"notebook.*"});
  }
  void TearDown() override {
    effects_.clear();
    KindsTest::TearDown();
  }
  [[nodiscard]] DomainOptions options() const override {
    return {.webhooks = {.retry = {.attempts = 3, .backoff = 1ms, .ceiling = 5ms}}};
  }

  void listen() {
    runtime_->set_performer(
        "http",
        [this](std::shared_ptr<Effect> effect) {
          if (at_once_) return effect->finish(ok);
          const std::scoped_lock lock{mutex_};
          effects_.push_back(std::move(effect));
        },
        1'000);
  }
  void make(const ObjectId& object, const Json& topics) {
    value(send(object, "create",
               {{"url", "https://example.org/"},
                {"topics", topics},
                {"secret", webhook::secret_from(std::string(32, 's'))},
                {"after", runtime_->events_end().value()}},
               member("ann")));
  }

  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 2'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  /// Publishes an event of `owner`.
  std::string happen(const std::string& owner) {
    const auto id = "n" + std::to_string(++count_);
    value(send({"notebook", id}, "create", {{"title", "t"}}, member(owner)));
    return id;
  }
  [[nodiscard]] std::size_t sending() {
    const std::scoped_lock lock{mutex_};
    return effects_.size();
  }
  std::shared_ptr<Effect> take() {
    EXPECT_TRUE(eventually([&] { return sending() > 0; }));
    const std::scoped_lock lock{mutex_};
    if (effects_.empty()) return nullptr;
    auto effect = std::move(effects_.front());
    effects_.erase(effects_.begin());
    return effect;
  }
  Json deliveries(Json payload = nullptr) {
    return query(hook, "list_deliveries", std::move(payload)).at("items");
  }
  bool wait_for(std::size_t count, const std::string& status) {
    const Json wanted{{"status", status}, {"limit", 500}};
    return eventually([&] { return deliveries(wanted).size() == count; });
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<Effect>> effects_;
  std::atomic<bool> at_once_{false};
  int count_ = 0;
};

}  // namespace perdure::actors
