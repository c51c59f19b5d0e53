// SPDX-License-Identifier: Apache-2.0
// Webhooks with a performer that does as the test says; through real servers: tests/blackbox.
#include <algorithm>
#include <future>
#include <set>

#include "webhook_fixture.hpp"

namespace perdure::actors {
namespace {

TEST_F(Webhook, hears_its_owners_events_only) {
  happen("bob");
  const auto mine = happen("ann");
  const auto body = Json::parse(take()->payload().at("body").get<std::string>());
  EXPECT_EQ(body.at("source"), "/notebook/" + mine);
  EXPECT_EQ(body.at("owner"), "ann");
}

TEST_F(Webhook, sends_a_few_at_a_time_and_one_alone_while_it_fails) {
  for (int i = 0; i < 10; ++i) happen("ann");
  ASSERT_TRUE(eventually([&] { return deliveries().size() == 10; }));
  EXPECT_TRUE(eventually([&] { return sending() == 4; }));
  for (int i = 0; i < 4; ++i) take()->finish(fail(ErrorCode::unavailable, "nobody home"));
  ASSERT_TRUE(eventually([&] { return sending() == 1; }));
  EXPECT_NE(query(hook, "get").at("failing_since"), nullptr);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(sending(), 1U);
  at_once_ = true;
  take()->finish(ok);
  EXPECT_TRUE(wait_for(10, "succeeded"));
  EXPECT_EQ(query(hook, "get").at("failing_since"), nullptr);
}

TEST_F(Webhook, makes_one_delivery_of_an_event_that_comes_again) {
  at_once_ = true;
  happen("ann");
  ASSERT_TRUE(wait_for(1, "succeeded"));
  const auto event = runtime_->read_events({.topics = {"notebook.*"}}).value().events.at(0);
  const auto seq = runtime_->inspect(hook)->meta.seq;
  command(hook, "event", Json::parse(event->body));
  EXPECT_EQ(deliveries().size(), 1U);
  EXPECT_EQ(runtime_->inspect(hook)->meta.seq, seq);
}

TEST_F(Webhook, does_not_count_an_attempt_that_never_began) {
  happen("ann");
  take()->finish(fail(ErrorCode::deadline_exceeded, "not_after had passed"));
  take()->finish(ok);
  ASSERT_TRUE(wait_for(1, "succeeded"));
  EXPECT_EQ(deliveries()[0].at("attempts"), 1);
}

TEST_F(Webhook, ends_a_delivery_alone_that_its_owner_may_not_be_told_of_any_more) {
  happen("ann");
  happen("ann");
  take()->finish(fail(ErrorCode::gone, "not shared any more"));
  take()->finish(ok);
  ASSERT_TRUE(wait_for(1, "succeeded"));
  ASSERT_TRUE(wait_for(1, "failed"));
  const auto ended = deliveries({{"status", "failed"}})[0];
  EXPECT_EQ(ended.at("error"), "not shared any more");
  EXPECT_EQ(ended.at("attempts"), 0);
  EXPECT_EQ(query(hook, "get").at("failing_since"), nullptr);
  EXPECT_TRUE(runtime_->list({.kind = "dead_letter"}).value().items.empty());
}

TEST_F(Webhook, takes_patterns_of_4_kib_and_keeps_larger_ones_that_it_has) {
  auto large = Json::array({"notebook.*"});
  for (int i = 0; i < 41; ++i) large.push_back(std::string(100, 'x') + std::to_string(i));
  EXPECT_EQ(refusal(send(hook, "update", {{"topics", large}})), "invalid /topics");
  const Json webhook{{"url", "https://example.org/"},
                     {"topics", large},
                     {"secret", webhook::secret_from(std::string(32, 's'))}};
  EXPECT_EQ(refusal(send({"webhook", "other"}, "create", webhook)), "invalid /topics");
  // As a version without the bound made it.
  command(hook, std::string{builtin::patch}, {{"topics", large}});
  restart();
  listen();
  command(hook, "update", {{"description", "d"}, {"topics", large}});
  EXPECT_EQ(query(hook, "get").at("topics"), large);
  happen("ann");
  take()->finish(ok);
  EXPECT_TRUE(wait_for(1, "succeeded"));
  auto less = large;
  less.erase(40);
  command(hook, "update", {{"topics", less}});
}

TEST_F(Webhook, leaves_a_receiver_alone_for_as_long_as_it_asks) {
  happen("ann");
  take()->finish(Json{{"status", 503}, {"headers", Json::object()}, {"retry_after_s", 7'200}});
  ASSERT_TRUE(wait_for(1, "pending"));
  const auto alarm = runtime_->alarm(hook, "deliver").value();
  ASSERT_TRUE(alarm && alarm->wait);
  EXPECT_GT(alarm->wait->time, 119min);
  EXPECT_LE(alarm->wait->time, 120min);
}

TEST_F(Webhook, sets_its_alarm_anew_in_the_turn_that_it_may_have_caused) {
  happen("ann");
  take()->finish(Json{{"status", 503}, {"headers", Json::object()}, {"retry_after_s", 7'200}});
  ASSERT_TRUE(wait_for(1, "pending"));
  const auto wait = [&] { return runtime_->alarm(hook, "deliver").value()->wait->time; };
  const auto before = wait();
  EXPECT_TRUE(eventually([&] {
    command(hook, "deliver");
    return wait() < before;
  }));
}

TEST_F(Webhook, sends_again_what_was_being_sent_in_a_state_that_is_restored) {
  happen("ann");
  auto sent = take();
  const auto seq = runtime_->inspect(hook)->meta.seq;
  sent->finish(ok);
  ASSERT_TRUE(wait_for(1, "succeeded"));
  command(hook, std::string{builtin::restore}, {{"seq", seq}});
  const auto again = take();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->payload().at("headers").at("webhook-id"),
            sent->payload().at("headers").at("webhook-id"));
  again->finish(ok);
  EXPECT_TRUE(wait_for(1, "succeeded"));
}

TEST_F(Webhook, listens_to_topics_that_are_written_by_hand_and_sends_nothing_twice) {
  happen("ann");
  const auto sent = take();
  command(hook, std::string{builtin::patch}, {{"topics", {"counter.*", "notebook.*"}}});
  const ObjectId own{"subscription", "w"};
  ASSERT_TRUE(eventually([&] { return runtime_->inspect(own)->state.at("topics").size() == 2; }));
  sent->finish(ok);
  ASSERT_TRUE(wait_for(1, "succeeded"));
  EXPECT_EQ(deliveries()[0].at("attempts"), 1);
}

TEST_F(Webhook, hears_of_events_in_a_copy_too) {
  std::promise<Result<Reply>> done;
  const ObjectId copy{"webhook", "copy"};
  runtime_->clone_object(hook, {}, {.target = copy},
                         [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
  value(done.get_future().get());
  ASSERT_TRUE(eventually([&] {
    const auto own = runtime_->inspect({"subscription", "copy"});
    return own && own->state.at("cursor") != "";
  }));
  happen("ann");
  for (int i = 0; i < 2; ++i) take()->finish(ok);
  EXPECT_TRUE(eventually([&] {
    const auto items = query(copy, "list_deliveries").at("items");
    return items.size() == 1 && items[0].at("status") == "succeeded";
  }));
}

TEST_F(Webhook, listens_to_the_topics_of_the_state_that_is_restored) {
  command(hook, "update", {{"topics", {"counter.*"}}});
  command(hook, std::string{builtin::restore}, {{"seq", 1}});
  ASSERT_TRUE(eventually([&] {
    const auto subscription = runtime_->inspect({"subscription", "w"});
    return subscription && subscription->state.at("topics") == Json::array({"notebook.*"}) &&
           runtime_->outbox(0, 1).empty();
  }));
  happen("ann");
  take()->finish(ok);
  EXPECT_TRUE(wait_for(1, "succeeded"));
  EXPECT_TRUE(runtime_->list({.kind = "dead_letter"}).value().items.empty());
}

TEST_F(Webhook, takes_no_outcome_that_it_does_not_wait_for) {
  happen("ann");
  const auto effect = take();
  const auto seq = runtime_->inspect(hook)->meta.seq;
  command(hook, "attempted", {{"context", {{"number", 1}, {"attempt", 2}}}, {"reply", ok}});
  command(hook, "attempted", {{"context", {{"number", 9}, {"attempt", 1}}}, {"reply", ok}});
  EXPECT_EQ(runtime_->inspect(hook)->meta.seq, seq);
  effect->finish(ok);
  EXPECT_TRUE(wait_for(1, "succeeded"));
}

TEST_F(Webhook, gives_up_after_its_attempts_and_begins_anew_when_asked) {
  happen("ann");
  for (int i = 0; i < 3; ++i) take()->finish(fail(ErrorCode::unavailable, "nobody home"));
  ASSERT_TRUE(wait_for(1, "failed"));
  const auto failed = deliveries()[0];
  EXPECT_EQ(failed.at("error"), "nobody home");
  EXPECT_EQ(failed.at("response_status"), nullptr);
  const Json id{{"id", failed.at("id")}};
  command(hook, "retry_delivery", id);
  const auto again = take();
  EXPECT_EQ(refusal(send(hook, "retry_delivery", id)), "conflict");
  again->finish(ok);
  EXPECT_TRUE(wait_for(1, "succeeded"));
  EXPECT_EQ(refusal(send(hook, "retry_delivery", {{"id", "nobody"}})), "not_found");
}

TEST_F(Webhook, waits_over_a_restart_and_signs_each_attempt_for_its_time) {
  happen("ann");
  const auto first = take();
  restart();
  listen();
  const auto second = take();
  EXPECT_EQ(first->payload(), second->payload());  // the same attempt, made again
  second->finish(fail(ErrorCode::unavailable, "nobody home"));
  std::this_thread::sleep_for(1'100ms);
  const auto third = take();
  const auto header = [](const std::shared_ptr<Effect>& effect, const char* name) {
    return effect->payload().at("headers").at(name);
  };
  EXPECT_EQ(header(first, "webhook-id"), header(third, "webhook-id"));
  EXPECT_EQ(third->payload().at("body"), first->payload().at("body"));
  third->finish(ok);
  EXPECT_TRUE(wait_for(1, "succeeded"));
}

TEST_F(Webhook, keeps_the_newest_of_what_is_finished) {
  at_once_ = true;
  const auto kept = webhook::deliveries_kept;
  for (std::size_t i = 0; i < kept + 10; ++i) happen("ann");
  const auto state = [&] { return runtime_->inspect(hook)->state.at("internal"); };
  ASSERT_TRUE(eventually([&] { return state().at("next_finish") >= kept + 11; }));
  EXPECT_EQ(state().at("kept"), kept);
  EXPECT_EQ(state().at("waiting"), 0);
  std::size_t entries = 0;
  std::string from;
  for (;;) {
    const auto page = runtime_->entries(hook, {.from = from, .limit = 1'000}).value();
    if (page.empty()) break;
    entries += page.size();
    from = page.back().key + '\x01';
  }
  EXPECT_EQ(entries, 5 * kept);  // delivery, body, event, finished, succeeded
}

TEST_F(Webhook, keeps_its_secret_when_its_state_is_replaced_without_it) {
  const auto kinds = domain_kinds();
  const auto kind = std::ranges::find(kinds, "webhook", &Kind::name);
  Json seen = without_secrets(kind->definition(), runtime_->inspect(hook)->state);
  EXPECT_EQ(seen.dump().find(webhook::secret_from(std::string(32, 's'))), std::string::npos);
  command(hook, "$replace", seen);
  EXPECT_EQ(runtime_->inspect(hook)->state.at("internal").at("secret"),
            webhook::secret_from(std::string(32, 's')));
}

TEST_F(Webhook, names_what_is_wrong_with_it) {
  const Json good{{"url", "https://example.org/"},
                  {"topics", {"*"}},
                  {"secret", webhook::secret_from(std::string(32, 's'))}};
  const auto with = [&](const char* member, const Json& bad) {
    auto payload = good;
    payload[member] = bad;
    return refusal(send({"webhook", "x"}, "create", payload));
  };
  EXPECT_EQ(with("url", "mailto:ann@example.org"), "invalid /url");
  EXPECT_EQ(with("url", "https://ann@example.org/"), "invalid /url");
  EXPECT_EQ(with("topics", {"a", "b."}), "invalid /topics/1");
  EXPECT_EQ(with("secret", "whsec_short"), "invalid /secret");
  EXPECT_EQ(with("secret", "none"), "invalid /secret");
  EXPECT_EQ(with("enabled", "yes"), "invalid /enabled");
}

TEST_F(Webhook, hears_of_webhooks_only_when_it_asks_for_them_by_name) {
  at_once_ = true;
  make({"webhook", "named"}, {"webhook.*"});
  for (int i = 0; i < 30; ++i) make({"webhook", "all " + std::to_string(i)}, {"**", "*.created"});
  const auto heard = [&] {
    return query({"webhook", "named"}, "list_deliveries", {{"limit", 100}}).at("items").size();
  };
  EXPECT_TRUE(eventually([&] { return heard() == 30; }));
  happen("ann");
  for (int i = 0; i < 30; ++i) {
    const ObjectId one{"webhook", "all " + std::to_string(i)};
    EXPECT_TRUE(eventually([&] { return runtime_->inspect(one)->meta.seq == 3; })) << i;
    EXPECT_EQ(query(one, "list_deliveries").at("items").size(), 1U) << i;
  }
  EXPECT_TRUE(eventually([&] { return runtime_->outbox(0, 10).empty(); }));
  EXPECT_EQ(heard(), 30U);
}

TEST_F(Webhook, hears_of_itself_only_what_its_owner_changes) {
  command(hook, "update", {{"topics", {"webhook.*"}}, {"after", runtime_->events_end().value()}});
  const auto event = [&](const char* topic, const std::string& id) {
    return Json{{"id", std::string{topic} + " " + id},
                {"source", "/webhook/" + id},
                {"type", topic},
                {"data", Json::object()}};
  };
  for (const auto* topic : {"webhook.disabled", "webhook.lagging", "webhook.created"}) {
    command(hook, "event", event(topic, "w"));
  }
  command(hook, "event", event("webhook.disabled", "other"));
  command(hook, "event", event("webhook.updated", "w"));
  std::set<std::string> heard;
  for (const auto& delivery : deliveries()) heard.insert(delivery.at("event_id"));
  heard.erase(runtime_->read_events({.topics = {"webhook.updated"}}).value().events.at(0)->id);
  EXPECT_EQ(heard, (std::set<std::string>{"webhook.disabled other", "webhook.updated w"}));
}

class LaggingWebhook : public Webhook {
 protected:
  [[nodiscard]] DomainOptions options() const override {
    auto with = Webhook::options();
    with.webhooks.waiting_max = 10;
    return with;
  }
};

TEST_F(LaggingWebhook, leaves_events_in_the_log_while_too_many_deliveries_wait) {
  constexpr int events = 250;
  const auto lags = [&] { return query(hook, "get").at("lagging_since") != nullptr; };
  for (int i = 0; i < 20; ++i) happen("ann");
  ASSERT_TRUE(eventually(lags));
  for (int i = 20; i < events; ++i) happen("ann");
  const auto told = runtime_->read_events({.topics = {"webhook.lagging"}}).value().events;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(Json::parse(told[0]->body).at("data").at("id"), "w");
  // What was on its way when it began to lag comes on top.
  EXPECT_LE(deliveries({{"limit", 500}}).size(), 120U);
  restart();
  listen();
  EXPECT_TRUE(lags());
  at_once_ = true;
  const auto state = [&] { return runtime_->inspect(hook)->state.at("internal"); };
  while (sending() > 0) take()->finish(ok);
  EXPECT_TRUE(eventually([&] {
    while (sending() > 0) take()->finish(ok);
    return state().at("kept") == events && state().at("waiting") == 0;
  })) << state();
  EXPECT_FALSE(lags());
}

TEST_F(LaggingWebhook, goes_on_where_it_was_when_it_is_disabled_meanwhile) {
  for (int i = 0; i < 20; ++i) happen("ann");
  ASSERT_TRUE(eventually([&] { return query(hook, "get").at("lagging_since") != nullptr; }));
  for (int i = 20; i < 150; ++i) happen("ann");
  take()->finish(Json{{"status", 410}, {"headers", Json::object()}});
  ASSERT_TRUE(eventually([&] { return query(hook, "get").at("enabled") == false; }));
  at_once_ = true;
  command(hook, "update", {{"enabled", true}, {"after", runtime_->events_end().value()}});
  const auto state = [&] { return runtime_->inspect(hook)->state.at("internal"); };
  EXPECT_TRUE(eventually([&] {
    while (sending() > 0) take()->finish(ok);
    return state().at("kept") == 150 && state().at("waiting") == 0;
  })) << state();
}

/// An owner whom the server cannot read now and then, and a webhook that asks for an effect.
class WebhookOwner : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "perdure_owner_XXXXXX");
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    runtime_ =
        Runtime::open(
            {.data_dir = directory_, .durability = DurabilityMode::buffered},
            {kind<Json>("user")
                 .command("create", [](Turn&, Json&) {}, {.creates = Creates::yes})
                 .query("account",
                        [this](const Json&) -> Result<Json> {
                          ++asked_;
                          if (unreadable_) return fail(ErrorCode::corrupt, "rot");
                          return Json{{"is_active", true}};
                        }),
             kind<Json>("webhook")
                 .command("ask",
                          [](Turn& turn, Json&) {
                            turn.request({.performer = "http", .retry = {.attempts = 1}});
                          },
                          {.creates = Creates::yes})
                 .command("make", [](Turn&, Json&) {}, {.creates = Creates::yes}),
             kind<Json>("card").command("create", [](Turn&, Json&) {}, {.creates = Creates::yes})})
            .value();
    runtime_->set_performer("http", webhook::for_active_owners(
                                        *runtime_, [this](const std::shared_ptr<Effect>& effect) {
                                          EXPECT_EQ(effect->owner(), "ann");
                                          ++performed_;
                                          effect->finish(ok);
                                        }));
  }
  void TearDown() override {
    runtime_.reset();
    std::filesystem::remove_all(directory_);
  }

  void send(const ObjectId& object, std::string command, std::string owner,
            Json payload = nullptr) {
    Call call{.target = object, .name = std::move(command), .payload = std::move(payload)};
    call.owner = std::move(owner);
    ASSERT_TRUE(runtime_->call(std::move(call)).get());
  }

  std::filesystem::path directory_;
  std::atomic<bool> unreadable_{true};
  std::atomic<int> asked_{0};
  std::atomic<int> performed_{0};
  std::unique_ptr<Runtime> runtime_;
};

TEST_F(WebhookOwner, that_cannot_be_read_has_nothing_delivered_until_it_can) {
  const auto eventually = [](const auto& condition) {
    for (int i = 0; i < 2'000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
    return condition();
  };
  send({"user", "ann"}, "create", "ann");
  send({"webhook", "w"}, "ask", "ann");
  ASSERT_TRUE(eventually([&] {
    const auto items = runtime_->outbox(0, 10);
    return items.size() == 1 && items[0].status == OutboxItem::Status::backing_off;
  }));
  EXPECT_GE(asked_, 1);
  EXPECT_EQ(performed_, 0);
  EXPECT_EQ(runtime_->outbox(0, 10)[0].attempt, 1);
  unreadable_ = false;
  EXPECT_TRUE(eventually([&] { return performed_ == 1; }));
}

/// Without an owner it is one that was asked for before effects said whose they are.
class EffectOfTest final : public Effect {
 public:
  explicit EffectOfTest(ObjectId object, std::string owner = "", Json payload = nullptr)
      : object_(std::move(object)), owner_(std::move(owner)), payload_(std::move(payload)) {}
  const ObjectId& object() const override { return object_; }
  const std::string& owner() const override { return owner_; }
  const std::string& id() const override { return id_; }
  const Json& payload() const override { return payload_; }
  int attempt() const override { return 1; }
  bool cancelled() const override { return false; }
  void on_cancel(std::function<void()>) override {}
  void tell(std::string, Json) override {}
  void finish(Result<Json> result) override { ended_.set_value(std::move(result)); }
  Result<Json> end() { return ended_.get_future().get(); }

 private:
  const ObjectId object_;
  const std::string owner_;
  const std::string id_ = "1";
  const Json payload_;
  std::promise<Result<Json>> ended_;
};

TEST_F(WebhookOwner, is_asked_about_where_the_effect_does_not_say_who_it_is) {
  unreadable_ = false;
  const auto attempt = [&](const char* webhook) -> std::optional<ErrorCode> {
    const auto effect = std::make_shared<EffectOfTest>(ObjectId{"webhook", webhook});
    webhook::for_active_owners(
        *runtime_, [](const std::shared_ptr<Effect>& made) { made->finish(ok); })(effect);
    const auto end = effect->end();
    return end ? std::nullopt : std::optional{end.error().code};
  };
  send({"webhook", "of nobody"}, "make", "");
  send({"webhook", "of ann"}, "make", "ann");
  EXPECT_EQ(attempt("of nobody"), std::nullopt);
  EXPECT_EQ(attempt("of ann"), ErrorCode::unauthenticated) << "there is no such user";
  send({"user", "ann"}, "create", "ann");
  EXPECT_EQ(attempt("of ann"), std::nullopt);
  unreadable_ = true;
  EXPECT_EQ(attempt("of ann"), ErrorCode::overloaded) << "later";
  EXPECT_EQ(attempt("that is not there"), ErrorCode::not_found);
}

TEST_F(WebhookOwner, is_not_told_of_what_was_shared_and_is_not_any_more) {
  unreadable_ = false;
  const ObjectId card{"card", "c"};
  send({"user", "ann"}, "create", "ann");
  send(card, "create", "bob");
  const auto attempt = [&](const char* owner) -> std::optional<ErrorCode> {
    const Json event{{"source", "/card/c"}, {"owner", owner}};
    const auto effect = std::make_shared<EffectOfTest>(ObjectId{"webhook", "w"}, "ann",
                                                       Json{{"body", event.dump()}});
    webhook::for_active_owners(
        *runtime_, [](const std::shared_ptr<Effect>& made) { made->finish(ok); })(effect);
    const auto end = effect->end();
    return end ? std::nullopt : std::optional{end.error().code};
  };
  EXPECT_EQ(attempt("ann"), std::nullopt) << "one's own is looked at no further";
  EXPECT_EQ(attempt("bob"), ErrorCode::gone);
  const Json to_ann{{"grantee", {{"user_id", "ann"}}}, {"role", "viewer"}};
  send(card, std::string{builtin::share}, "bob", to_ann);
  EXPECT_EQ(attempt("bob"), std::nullopt);
  send(card, std::string{builtin::remove}, "bob");
  EXPECT_EQ(attempt("bob"), ErrorCode::gone) << "it is deleted";
  send(card, std::string{builtin::undelete}, "bob");
  EXPECT_EQ(attempt("bob"), std::nullopt);
  send(card, std::string{builtin::unshare}, "bob", {{"grantee", {{"user_id", "ann"}}}});
  EXPECT_EQ(attempt("bob"), ErrorCode::gone);
  send(card, std::string{builtin::remove}, "bob");
  send(card, std::string{builtin::purge}, "bob");
  EXPECT_EQ(attempt("bob"), ErrorCode::gone);
}

}  // namespace
}  // namespace perdure::actors
