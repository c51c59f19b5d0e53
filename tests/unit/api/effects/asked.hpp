// SPDX-License-Identifier: Apache-2.0
// What a performer is handed, without a runtime.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "perdure/runtime/outbox.hpp"

namespace perdure::effects {

/// One attempt at an effect, as the runtime would make it. Threads  any.
class Asked final : public Effect {
 public:
  explicit Asked(Json payload, std::string owner = "")
      : payload_(std::move(payload)), owner_(std::move(owner)) {}
  [[nodiscard]] const ObjectId& object() const override { return object_; }
  [[nodiscard]] const std::string& owner() const override { return owner_; }
  [[nodiscard]] const std::string& id() const override { return object_.id; }
  [[nodiscard]] const Json& payload() const override { return payload_; }
  [[nodiscard]] int attempt() const override { return 1; }
  [[nodiscard]] bool cancelled() const override { return false; }
  void on_cancel(std::function<void()> callback) override {
    const std::scoped_lock lock{mutex_};
    on_cancel_ = std::move(callback);
  }
  void tell(std::string, Json) override {}
  void finish(Result<Json> result) override {
    const std::scoped_lock lock{mutex_};
    if (!std::exchange(finished_, true)) result_.set_value(std::move(result));
  }
  /// False until the performer listens.
  bool cancel() {
    const std::scoped_lock lock{mutex_};
    if (on_cancel_) on_cancel_();
    return on_cancel_ != nullptr;
  }
  /// Once. Errors: those of the attempt; internal when it has not ended after `patience`.
  Result<Json> wait(std::chrono::seconds patience = std::chrono::seconds{20}) {
    auto result = result_.get_future();
    if (result.wait_for(patience) != std::future_status::ready) {
      return fail(ErrorCode::internal, "no answer at all");
    }
    return result.get();
  }

 private:
  const ObjectId object_{"test", "1"};
  const Json payload_;
  const std::string owner_;
  std::mutex mutex_;
  std::function<void()> on_cancel_;
  bool finished_ = false;
  std::promise<Result<Json>> result_;
};

}  // namespace perdure::effects
