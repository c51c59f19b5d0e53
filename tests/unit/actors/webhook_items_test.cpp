// SPDX-License-Identifier: Apache-2.0
// Deliveries as items of their webhook: their events, validators, and lists by status.
#include <algorithm>
#include <set>

#include "webhook_fixture.hpp"

namespace perdure::actors {
namespace {

class WebhookItems : public Webhook {
 protected:
  struct Told {
    std::string verb;
    std::string id;
    std::set<std::string> changed;
    std::string topic;
  };
  /// What the event log says of the deliveries of a webhook.
  std::vector<Told> told(const ObjectId& of = hook) {
    std::vector<Told> found;
    const EventQuery query{.topics = {"webhook_delivery.*"}, .limit = 1'000};
    for (const auto& event : runtime_->read_events(query).value().events) {
      if (event->source != of) continue;
      const auto data = Json::parse(event->body).at("data");
      EXPECT_EQ(data.at("parent"), (Json{{"kind", of.kind}, {"id", of.id}}));
      found.push_back({event->topic.substr(event->topic.find('.') + 1), data.at("id"),
                       data.at("changed"), data.at("topic")});
    }
    return found;
  }
  Json get(const std::string& id) { return query(hook, "get_delivery", {{"id", id}}); }
  /// Publishes `count` events, and waits for their deliveries; the newest is the first.
  Json deliveries_of(int count) {
    for (int i = 0; i < count; ++i) happen("ann");
    EXPECT_TRUE(eventually([&] { return deliveries().size() == static_cast<std::size_t>(count); }));
    return deliveries();
  }
};

using Names = std::set<std::string>;

TEST_F(WebhookItems, are_told_when_they_are_made_end_and_begin_anew_but_not_at_each_attempt) {
  const std::string id = deliveries_of(1)[0].at("id");
  take()->finish(fail(ErrorCode::unavailable, "nobody home"));
  take()->finish(fail(ErrorCode::unavailable, "nobody home"));
  take()->finish(fail(ErrorCode::unavailable, "nobody home"));
  ASSERT_TRUE(wait_for(1, "failed"));
  command(hook, "retry_delivery", {{"id", id}});
  take()->finish(ok);
  ASSERT_TRUE(wait_for(1, "succeeded"));
  const auto events = told();
  ASSERT_EQ(events.size(), 4U);
  for (const auto& event : events) {
    EXPECT_EQ(event.id, id);
    EXPECT_EQ(event.topic, "notebook.created");
  }
  EXPECT_EQ(events[0].verb, "created");
  EXPECT_EQ(events[0].changed, (Names{"event_id", "topic", "status"}));
  EXPECT_EQ(events[1].verb, "updated");
  EXPECT_EQ(events[1].changed, (Names{"status", "attempts", "completed_at", "error"}));
  EXPECT_EQ(events[2].verb, "updated");
  EXPECT_EQ(events[2].changed, (Names{"status", "attempts", "completed_at"}));
  EXPECT_EQ(events[3].verb, "updated");
  EXPECT_EQ(events[3].changed,
            (Names{"status", "attempts", "completed_at", "response_status", "error"}));
}

TEST_F(WebhookItems, have_validators_of_their_own) {
  const auto both = deliveries_of(2);
  const std::string one = both[0].at("id");
  const std::string other = both[1].at("id");
  take()->finish(ok);
  take()->finish(ok);
  ASSERT_TRUE(wait_for(2, "succeeded"));
  const Json before = get(one).at("$seq");
  const Json others = get(other).at("$seq");
  const auto retry = [&](const Json& seq) {
    return send(hook, "retry_delivery", {{"id", one}, {"$if_seqs", Json::array({seq})}});
  };
  EXPECT_EQ(refusal(retry(before.get<int>() + 100)), "stale_precondition");
  EXPECT_EQ(value(retry(before)).at("status"), "sending");
  take()->finish(ok);
  ASSERT_TRUE(wait_for(2, "succeeded"));
  EXPECT_GT(get(one).at("$seq"), before);
  EXPECT_EQ(get(other).at("$seq"), others);
  EXPECT_EQ(refusal(retry(before)), "stale_precondition");
  EXPECT_FALSE(get(one).contains("internal"));
  for (const auto& delivery : deliveries()) EXPECT_FALSE(delivery.contains("$seq"));
}

TEST_F(WebhookItems, come_to_webhooks_that_ask_by_name_and_never_of_what_those_are_sent) {
  at_once_ = true;
  make({"webhook", "all"}, {"**", "*.created"});
  make({"webhook", "named"}, {"webhook_delivery.*"});
  make({"webhook", "named too"}, {"webhook_delivery.**"});
  happen("ann");
  const auto count = [&](const char* id) {
    return query({"webhook", id}, "list_deliveries", {{"limit", 500}}).at("items").size();
  };
  // Two deliveries, of `w` and of `all`, were made and have ended.
  EXPECT_TRUE(eventually([&] { return count("named") == 4 && count("named too") == 4; }));
  const auto quiet = [&] {
    const auto subscription = runtime_->inspect({"subscription", "named"});
    return runtime_->outbox(0, 10).empty() &&
           subscription->state.at("cursor") == runtime_->events_end().value();
  };
  EXPECT_TRUE(eventually(quiet));
  EXPECT_EQ(count("named"), 4U);
  EXPECT_EQ(count("named too"), 4U);
  EXPECT_EQ(count("all"), 1U);
  // Readers of the log are told of them all the same.
  EXPECT_EQ(told({"webhook", "named"}).size(), 8U);
}

TEST_F(WebhookItems, are_made_of_all_events_of_a_batch_in_one_turn) {
  const auto seq = [&] { return runtime_->inspect(hook)->meta.seq; };
  const auto event = [](int number, const char* topic) {
    return dump_json({{"id", "e" + std::to_string(number)},
                      {"source", "/notebook/n"},
                      {"type", topic},
                      {"data", Json::object()}});
  };
  const auto before = seq();
  auto batch = Json::array();
  for (int i = 0; i < 20; ++i) batch.push_back(event(i, i == 7 ? "other.topic" : "notebook.made"));
  batch.push_back(batch[0]);  // comes again
  command(hook, "events", {{"events", batch}});
  EXPECT_EQ(seq(), before + 1);
  EXPECT_EQ(deliveries().size(), 19U);
  EXPECT_TRUE(eventually([&] { return sending() == 4; }));
  command(hook, "events", {{"events", batch}});
  EXPECT_EQ(seq(), before + 1) << "nothing of it is new";
}

/// Deliveries of all statuses, in a mixed order.
class MixedDeliveries : public WebhookItems {
 protected:
  void mix() {
    constexpr int count = 40;
    static_cast<void>(deliveries_of(count));
    // While one attempt fails, one is under way at a time. Who waits for a first one goes before
    // who waits for another: all have had one by then, most two and some three.
    for (int i = 0; i < 80; ++i) {
      if (i % 4 == 0) {
        take()->finish(ok);
      } else {
        take()->finish(fail(ErrorCode::unavailable, "nobody home"));
      }
    }
    const Json under_way{{"status", "sending"}, {"limit", 500}};
    ASSERT_TRUE(
        eventually([&] { return sending() > 0 && deliveries(under_way).size() == sending(); }));
  }
  std::vector<std::string> pages(const Json& filter, const std::string& sort, int limit) {
    std::vector<std::string> ids;
    Json payload = filter;
    payload.update({{"limit", limit}, {"sort", sort}});
    for (int i = 0; i < 200; ++i) {
      const auto page = query(hook, "list_deliveries", payload);
      for (const auto& item : page.at("items")) ids.push_back(item.at("id"));
      if (page.at("next_cursor").is_null()) return ids;
      EXPECT_EQ(page.at("items").size(), static_cast<std::size_t>(limit)) << "a page is full";
      payload["cursor"] = page.at("next_cursor");
    }
    ADD_FAILURE() << "the list has no end";
    return ids;
  }
};

TEST_F(MixedDeliveries, are_listed_by_status_in_full_pages_both_ways) {
  mix();
  std::set<std::string> seen;
  for (const auto* status : {"pending", "sending", "succeeded", "failed"}) {
    std::vector<std::string> wanted;
    for (const auto& delivery : deliveries({{"limit", 500}})) {
      if (delivery.at("status") == status) wanted.push_back(delivery.at("id"));
    }
    EXPECT_FALSE(wanted.empty()) << status;
    const Json filter{{"status", status}};
    for (const int limit : {1, 3, 500}) EXPECT_EQ(pages(filter, "-created_at", limit), wanted);
    std::ranges::reverse(wanted);
    for (const int limit : {1, 3, 500}) EXPECT_EQ(pages(filter, "created_at", limit), wanted);
    seen.insert(status);
  }
  EXPECT_EQ(pages(Json::object(), "-created_at", 7).size(), 40U);
  EXPECT_EQ(refusal(ask(hook, "list_deliveries", {{"cursor", "bm9uZQ"}})), "invalid /cursor");
}

}  // namespace
}  // namespace perdure::actors
