// SPDX-License-Identifier: Apache-2.0
// A webhook, and a receiver that refuses, hangs, and says no although it has heard: each event
// reaches it, and is one delivery.
#include <algorithm>
#include <map>

#include "deeds.hpp"
#include "perdure/actors/kinds.hpp"
#include "perdure/actors/webhook.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t notebooks = 15;
const ObjectId hook{"webhook", "w"};

Call creation(ObjectId object, Json payload) {
  Call call{.target = std::move(object), .name = "create", .payload = std::move(payload)};
  call.owner = "ann";
  call.idempotency_key = to_string(call.target);
  return call;
}

class Webhooks final : public perdure::testing::Workload {
 public:
  explicit Webhooks(std::size_t clients) : deeds_(notebooks, clients) {}
  ~Webhooks() override { release(); }

  std::vector<Kind> kinds() override {
    return actors::domain_kinds({.webhooks = {.retry = {.attempts = 1'000,
                                                        .backoff = Milliseconds{50},
                                                        .factor = 2,
                                                        .ceiling = Milliseconds{400}}}});
  }
  void setup() override {
    world().on_start([this] {
      release();
      world().runtime().set_performer(
          "http", [this](std::shared_ptr<Effect> effect) { take(std::move(effect)); }, 1'000);
    });
    request(creation(hook, {{"url", "https://example.org/"},
                            {"topics", {"notebook.*"}},
                            {"secret", actors::webhook::secret_from(std::string(32, 's'))},
                            {"after", "0"}}),
            [this](const auto&) { is_set_up_ = true; });
  }

  void step() override {
    if (!slow_.empty() && chance().one_in(4)) {
      const auto effect = std::move(slow_.back());
      slow_.pop_back();
      hear(*effect);
    }
    if (!is_set_up_ || !deeds_.can_begin() || !has_place()) return;
    const auto number = deeds_.begin();
    request(creation({"notebook", "n" + std::to_string(number)}, {{"title", "t"}}),
            [this, number](const auto&) { deeds_.end(number); });
  }
  bool finished() override {
    if (!deeds_.done()) return false;
    const auto state = internal();
    return state.is_object() && (was_lost() || state.at("kept") == notebooks) &&
           state.at("waiting") == 0;
  }
  std::string state() override { return deeds_.state() + "; " + internal().dump(); }

  void check() override {
    if (was_lost()) return;
    std::set<std::string> wanted;
    for (std::size_t i = 0; i < notebooks; ++i) wanted.insert("/notebook/n" + std::to_string(i));
    std::set<std::string> heard;
    for (const auto& [source, times] : heard_) heard.insert(source);
    expect(heard == wanted, "the receiver has heard of " + Json(heard).dump());
    expect(internal().at("next_number") == notebooks + 1,
           "an event is more or less than one "
           "delivery: " +
               internal().dump());
  }

 private:
  Json internal() {
    const auto view = world().runtime().inspect(hook);
    return view ? view->state.at("internal") : Json(nullptr);
  }
  /// From "0" on means from the oldest event that is left when the log is first looked at.
  bool has_place() {
    if (has_place_) return true;
    const auto page = world().runtime().list({.kind = "subscription"});
    has_place_ = page && std::ranges::any_of(page->items, [](const auto& item) {
                   return item.state.at("kind") == "webhook" && item.state.at("cursor") != "0";
                 });
    return has_place_;
  }
  /// Retention was faster than the webhook's subscription, and has said so.
  bool was_lost() {
    const auto page = world().runtime().list({.kind = "subscription"});
    return page && std::ranges::any_of(page->items, [](const auto& item) {
             return item.state.at("kind") == "webhook" && item.state.contains("lost_at");
           });
  }

  void take(std::shared_ptr<Effect> effect) {
    const auto dice = chance().below(10);
    if (dice < 5) {
      hear(*effect);
    } else if (dice < 6) {
      effect->finish(fail(ErrorCode::unavailable, "nobody home"));
    } else if (dice < 7) {
      ++heard_[source_of(*effect)];
      effect->finish(fail(ErrorCode::unavailable, "the answer was lost"));
    } else if (dice < 8) {
      effect->finish(fail(ErrorCode::deadline_exceeded, "too late to begin"));
    } else {
      slow_.push_back(std::move(effect));
    }
  }
  void hear(Effect& effect) {
    ++heard_[source_of(effect)];
    effect.finish(Json{{"status", 204}, {"headers", Json::object()}});
  }
  static std::string source_of(const Effect& effect) {
    return Json::parse(effect.payload().at("body").get<std::string>()).at("source");
  }
  void release() { slow_.clear(); }

  Deeds deeds_;
  bool is_set_up_ = false;
  bool has_place_ = false;
  std::vector<std::shared_ptr<Effect>> slow_;
  std::map<std::string, int> heard_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_webhooks(std::size_t clients) {
  return std::make_unique<Webhooks>(clients);
}

}  // namespace perdure::sim
