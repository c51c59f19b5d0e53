// SPDX-License-Identifier: Apache-2.0
#include "shell/http_jobs.hpp"

#include "effects/http_call.hpp"

namespace perdure::shell {
namespace {

constexpr std::size_t body_bytes_max = 32u << 10;

/// An effect as it is, with another payload.
class WithPayload final : public Effect {
 public:
  WithPayload(std::shared_ptr<Effect> effect, Json payload)
      : effect_(std::move(effect)), payload_(std::move(payload)) {}
  [[nodiscard]] const ObjectId& object() const override { return effect_->object(); }
  [[nodiscard]] const std::string& owner() const override { return effect_->owner(); }
  [[nodiscard]] const std::string& id() const override { return effect_->id(); }
  [[nodiscard]] const Json& payload() const override { return payload_; }
  [[nodiscard]] int attempt() const override { return effect_->attempt(); }
  [[nodiscard]] bool cancelled() const override { return effect_->cancelled(); }
  void on_cancel(std::function<void()> callback) override {
    effect_->on_cancel(std::move(callback));
  }
  void tell(std::string command, Json payload) override {
    effect_->tell(std::move(command), std::move(payload));
  }
  void finish(Result<Json> result) override { effect_->finish(std::move(result)); }

 private:
  const std::shared_ptr<Effect> effect_;  // shared with its performer
  const Json payload_;
};

void perform(HttpClientSlot& slot, std::shared_ptr<Effect> effect) {
  auto payload = effect->payload();
  if (!payload.contains("response_bytes_max")) {
    payload["response_bytes_max"] = body_bytes_max;
    payload["truncate"] = true;
  }
  slot.client->performer()(std::make_shared<WithPayload>(std::move(effect), std::move(payload)));
}

std::vector<FieldError> check(const HttpClientSlot& slot, const Json& payload) {
  const auto fields_of = [](const Error& error) {
    return error.fields.empty() ? std::vector<FieldError>{{"", "invalid", error.detail}}
                                : error.fields;
  };
  const auto call = effects::read_http_call(payload, slot.client->options().response_bytes_max);
  if (!call) return fields_of(call.error());
  // An address that may never be called is better refused than tried.
  const auto allowed = slot.client->check_url(payload.at("url").get<std::string>());
  return allowed ? std::vector<FieldError>{} : fields_of(allowed.error());
}

}  // namespace

actors::JobType http_job_type(std::shared_ptr<HttpClientSlot> slot) {
  return {.perform = [slot](std::shared_ptr<Effect> effect) { perform(*slot, std::move(effect)); },
          .concurrency = 64,
          .check_payload = [slot](const Json& payload) { return check(*slot, payload); }};
}

}  // namespace perdure::shell
