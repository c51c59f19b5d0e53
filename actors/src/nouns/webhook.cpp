// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/webhook.hpp"

#include <algorithm>

#include "errors.hpp"
#include "item_condition.hpp"
#include "nouns/nouns.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/runtime/events.hpp"
#include "perdure/runtime/outbox.hpp"
#include "resource_kind.hpp"
#include "webhook_deliveries.hpp"
#include "webhook_rows.hpp"
#include "webhook_signature.hpp"

namespace perdure::actors {

namespace {

Result<void> check_topics(const Json& topics) {
  std::size_t bytes = 0;
  for (const auto& topic : topics) bytes += topic.get_ref<const std::string&>().size();
  if (bytes > webhook::topics_bytes_max) {
    return fail(invalid_field(
        "/topics", "too_large",
        "must have at most " + std::to_string(webhook::topics_bytes_max) + " bytes together"));
  }
  for (std::size_t i = 0; i < topics.size(); ++i) {
    if (auto valid = validate_topic_pattern(topics[i].get_ref<const std::string&>()); !valid) {
      auto error = std::move(valid).error();
      for (auto& field : error.fields) field.pointer = "/topics/" + std::to_string(i);
      return fail(std::move(error));
    }
  }
  return {};
}

/// Where in the event log the payload's change takes effect; empty: at once.
std::string cursor_in(const Json& payload) {
  const auto after = payload.find("after");
  return after != payload.end() && after->is_string() ? after->get<std::string>() : std::string{};
}

Json subscription_of(const ObjectId& webhook, const Json& state, const std::string& after) {
  Json subscription = manner_of_events();
  subscription.update({{"topics", state.at("topics")},
                       {"kind", webhook.kind},
                       {"id", webhook.id},
                       {"after", after}});
  return subscription;
}

void subscribe(Turn& turn, const Json& state, const std::string& after) {
  turn.send({.to = {"subscription", turn.object().id},
             .command = "subscribe",
             .payload = subscription_of(turn.object(), state, after)});
  if (state.at("enabled") == false) change_subscription(turn, state, after);
}

Result<void> take_secret(Json& state, const Json& payload) {
  PERDURE_TRY(secret, required_text(payload, "secret"));
  PERDURE_TRY_VOID(webhook_key(secret));
  state[std::string{internal_member}]["secret"] = secret;
  state["secret_prefix"] = webhook::secret_label(secret);
  return {};
}

constexpr const char* scopes = "scopes";  // of the key that says what the webhook hears

/// Whether a change makes it another's to say what it hears: its topics, or where that goes.
bool listens_elsewhere(const Json& before, const Json& next) {
  return before.value("topics", Json()) != next.at("topics") ||
         before.value("url", Json()) != next.at("url");
}

/// The resource whose scopes open an object: the first part of its noun's path.
std::string resource_of(const ObjectId& object) {
  const auto* noun = find_noun(object.kind);
  if (noun == nullptr) return "durable-objects";
  const auto rest = std::string_view{noun->path}.substr(1);
  return std::string{rest.substr(0, rest.find('/'))};
}

/// A webhook hears what the key could read that made it, or was the last to change its topics or
/// its URL: events of kinds whose `<resource>:read` that key held then.
bool may_hear(const Json& state, const Json& event) {
  const auto& held =
      state.at(std::string{internal_member}).at(scopes).get_ref<const std::string&>();
  if (held == "*") return true;
  const auto source = from_uri_reference(event.at("source").get_ref<const std::string&>());
  return source && scope_allows(held, resource_of(*source), ScopeAccess::read);
}

Result<void> check_place(const WebhookPolicy& policy, const Json& payload) {
  const auto others = payload.find("others");
  if (others == payload.end() || !others->is_number_unsigned()) return {};
  if (*others < policy.per_owner_max) return {};
  return webhook::too_many(policy.per_owner_max);
}

Result<void> settle(const WebhookPolicy& policy, Turn& turn, const Json& before, Json& next,
                    const Json& payload) {
  // Versions up to 0.1.0 took larger ones, which stay.
  if (before.value("topics", Json()) != next.at("topics")) {
    PERDURE_TRY_VOID(check_topics(next.at("topics")));
  }
  if (listens_elsewhere(before, next)) {
    next[std::string{internal_member}][scopes] = turn.principal().scopes;
  }
  if (before.empty()) {
    PERDURE_TRY_VOID(check_place(policy, payload));
    PERDURE_TRY_VOID(take_secret(next, payload));
    subscribe(turn, next, cursor_in(payload));
    return {};
  }
  const bool enabled = next.at("enabled") == true;
  const bool switched = before.value("enabled", true) != enabled;
  if (switched || before.value("topics", Json()) != next.at("topics")) {
    change_subscription(turn, next, cursor_in(payload));
  }
  if (switched) {
    next["disabled_reason"] = nullptr;
    next["disabled_at"] = enabled ? Json(nullptr) : Json(format_rfc3339(turn.now()));
  }
  if (switched && enabled) {
    next["failing_since"] = nullptr;
    next[std::string{internal_member}]["given_up_row"] = 0;
    Deliveries{policy, turn, next}.go_on();
  }
  return {};
}

Result<Json> rotate(Turn& turn, ResourceState& self, const Json& payload) {
  auto& inside = self.internal();
  const auto old = inside.at("secret");
  PERDURE_TRY_VOID(take_secret(self.json, payload));
  inside["previous_secret"] = old;
  inside["previous_until"] = format_rfc3339(turn.steady_now() + webhook::overlap);
  return public_state(self.json);
}

constexpr std::string_view updated_topic = "webhook.updated";

/// The first part of a topic that wildcards do not stand for.
std::optional<std::string_view> name_of(const std::string& topic) {
  for (const auto name : webhook::topics_by_name) {
    if (names_first_part(name, topic)) return name;
  }
  return {};
}

/// An event of a delivery that came about because of another delivery.
bool is_about_telling(const std::string& topic, const Json& event) {
  return names_first_part(webhook::delivery_topics, topic) &&
         names_first_part(webhook::delivery_topics, event.at("data").value("topic", ""));
}

/// The subscription has judged by the same rules; but what it passed on may be older than they are.
bool wants(const Turn& turn, const Json& state, const Json& event) {
  const auto& topic = event.at("type").get_ref<const std::string&>();
  const auto name = name_of(topic);
  // Of itself it hears what its owner changes: not of its making, which was before it could hear,
  // nor what its own deliveries cause, which would make more of them.
  const bool own = event.at("source") == "/" + turn.object().kind + "/" + turn.object().id;
  if (own && topic != updated_topic) return false;
  if (!may_hear(state, event)) return false;
  // A delivery that was given up must not become deliveries that are given up.
  if (topic == dead_letter_topic && event.at("data").at("type") == "webhook") return false;
  if (is_about_telling(topic, event)) return false;
  // Letters past the bound go when others come: of an end nobody can say whose it was.
  if (names_first_part("dead_letter.*", topic) && topic != dead_letter_topic) return false;
  // One that lags had it passed on before it was disabled: it waits with the others.
  const bool takes = state.at("enabled") == true || !state.at("lagging_since").is_null();
  return takes && std::ranges::any_of(state.at("topics"), [&](const Json& json) {
           const auto& pattern = json.get_ref<const std::string&>();
           return topic_matches(pattern, topic) && (!name || names_first_part(pattern, topic));
         });
}

void take_events(const WebhookPolicy& policy, Turn& turn, ResourceState& self,
                 const std::vector<std::pair<Json, std::string>>& events) {
  Deliveries deliveries{policy, turn, self.json};
  bool taken = false;
  for (const auto& [event, text] : events) {
    if (wants(turn, self.json, event)) taken |= deliveries.add(event, text).has_value();
  }
  if (!taken) return turn.change_nothing();
  deliveries.go_on();
}

void take_batch(const WebhookPolicy& policy, Turn& turn, ResourceState& self, const Json& batch) {
  std::vector<std::pair<Json, std::string>> events;
  for (const auto& text : batch.at("events")) {
    const auto& event = text.get_ref<const std::string&>();
    events.emplace_back(Json::parse(event), event);
  }
  take_events(policy, turn, self, events);
}

/// The subscription was made by an earlier version, until its topics change.
void take_event(const WebhookPolicy& policy, Turn& turn, ResourceState& self, const Json& event) {
  std::vector<std::pair<Json, std::string>> one;
  one.emplace_back(event, dump_json(event));
  take_events(policy, turn, self, one);
}

Result<void> must_be_enabled(const ResourceState& self) {
  if (self.json.at("enabled") == true) return {};
  return fail(ErrorCode::conflict, "the webhook is disabled");
}

Result<Json> test(const WebhookPolicy& policy, Turn& turn, ResourceState& self,
                  const Json& payload) {
  PERDURE_TRY_VOID(must_be_enabled(self));
  PERDURE_TRY_VOID(check_if_seqs(payload, 0));  // it is not there yet
  const auto& webhook = turn.object();
  const Json event{{"specversion", "1.0"},
                   {"id", turn.new_id()},
                   {"source", to_uri_reference(webhook)},
                   {"type", "webhook.test"},
                   {"time", format_rfc3339(turn.now())},
                   {"datacontenttype", "application/json"},
                   {"owner", turn.meta().origin->owner.text()},
                   {"data", {{"webhook_id", webhook.id}}}};
  Deliveries deliveries{policy, turn, self.json};
  const auto number = deliveries.add(event, dump_json(event));
  deliveries.go_on();
  return delivery_alone(turn.meta(), deliveries.load(*number));
}

Result<Json> retry_delivery(const WebhookPolicy& policy, Turn& turn, ResourceState& self,
                            const Json& payload) {
  PERDURE_TRY_VOID(must_be_enabled(self));
  PERDURE_TRY(delivery, (Deliveries{policy, turn, self.json}.retry(payload)));
  return delivery_alone(turn.meta(), std::move(delivery));
}

Result<Json> get_delivery(const View& view, const Json& payload) {
  PERDURE_TRY(id, required_text(payload, "id"));
  auto delivery = find_delivery(view.entries(), id);
  if (!delivery) return fail(ErrorCode::not_found, "no such delivery");
  return delivery_alone(view.meta(), std::move(*delivery));
}

Json first_internal() {
  Json internal = no_deliveries();
  internal.update(
      {{"secret", ""}, {"previous_secret", nullptr}, {"previous_until", nullptr}, {scopes, ""}});
  return internal;
}

/// The subscription is an object of its own: it is there or not, and may know of other topics.
/// Whatever it answers, the webhook goes on.
void settle_again(const WebhookPolicy& policy, Turn& turn, ResourceState& self,
                  const ResourceState* before) {
  // What comes from outside says nothing of scopes.
  auto& held = self.internal()[scopes];
  if (before != nullptr) held = before->json.at(std::string{internal_member}).at(scopes);
  if (before == nullptr || listens_elsewhere(before->json, self.json)) {
    held = turn.principal().scopes;
  }
  const auto& state = self.json;
  const auto tell = [&](std::string command, Json payload) {
    turn.send({.to = {"subscription", turn.object().id},
               .command = std::move(command),
               .payload = std::move(payload),
               .then = "deliver"});
  };
  tell("subscribe", subscription_of(turn.object(), state, ""));
  Json change = manner_of_events();
  change["topics"] = state.at("enabled") == true ? state.at("topics") : Json::array();
  tell("change", std::move(change));
  tell(state.at("lagging_since").is_null() ? "resume" : "pause", nullptr);
  Deliveries deliveries{policy, turn, self.json};
  // What was deleted is not being sent any more. With the same counts the deliveries are the same.
  if (before != nullptr && turn.meta().exists() && before->internal() == self.internal()) {
    deliveries.go_on();
  } else {
    deliveries.settle();
  }
}

void add_commands(KindBuilder<ResourceState>& builder, const WebhookPolicy& policy) {
  std::move(builder)
      .command("rotate", [](Turn& turn, ResourceState& self,
                            const Json& payload) { return rotate(turn, self, payload); })
      .command("events",
               [policy](Turn& turn, ResourceState& self, const Json& batch) {
                 take_batch(policy, turn, self, batch);
               },
               {.callers = Callers::host})
      .command("event",
               [policy](Turn& turn, ResourceState& self, const Json& event) {
                 take_event(policy, turn, self, event);
               },
               {.callers = Callers::host})
      .command("attempted",
               [policy](Turn& turn, ResourceState& self, const Json& outcome) {
                 if (!Deliveries{policy, turn, self.json}.attempted(outcome)) turn.change_nothing();
               },
               {.callers = Callers::host})
      .command("deliver",
               [policy](Turn& turn, ResourceState& self) {
                 Deliveries{policy, turn, self.json}.on_alarm();
               },
               {.callers = Callers::host})
      .command("test", [policy](Turn& turn, ResourceState& self,
                                const Json& payload) { return test(policy, turn, self, payload); })
      .command("retry_delivery",
               [policy](Turn& turn, ResourceState& self, const Json& payload) {
                 return retry_delivery(policy, turn, self, payload);
               })
      .query("get_delivery", [](const View& view, const ResourceState&,
                                const Json& payload) { return get_delivery(view, payload); })
      .query("list_deliveries",
             [](const View& view, const ResourceState& self, const Json& payload) {
               return list_deliveries(view, self.internal(), payload);
             });
}

}  // namespace

Unexpected webhook::too_many(std::size_t per_owner_max) {
  return fail(invalid_field("", "limit",
                            "an owner has at most " + std::to_string(per_owner_max) +
                                " webhooks (webhooks.per_user); delete one first"));
}

namespace {

Kind make(const Noun& noun, const WebhookPolicy& policy) {
  auto rules = rules_of(noun);
  rules.internal = first_internal();
  rules.create_only = {"secret", "after", "others"};
  rules.update_only = {"after"};
  rules.settle = [policy](Turn& turn, const Json& before, Json& next, const Json& payload) {
    return settle(policy, turn, before, next, payload);
  };
  // What deliveries do to their webhook would make more of them.
  auto builder = resource_kind(
      noun, std::move(rules), {"failing_since", "lagging_since", "disabled_reason", "disabled_at"});
  add_commands(builder, policy);
  return std::move(builder)
      .schema_version(4)
      .upgrade(1,
               [](Json state) {
                 state["lagging_since"] = nullptr;
                 return state;
               })
      .upgrade(2,
               [](Json state) {
                 state[std::string{internal_member}][scopes] = "*";
                 return state;
               })
      .upgrade(3,
               [](Json state) {
                 add_rows_from(state[std::string{internal_member}]);
                 return state;
               })
      .on_settle([policy](Turn& turn, ResourceState& self, const ResourceState* before) {
        settle_again(policy, turn, self, before);
      })
      .secret("internal.secret")
      .secret("internal.previous_secret")
      .reach(Reach::system);
}

NounLog delivery_log() {
  return {.query = "list_deliveries",
          .id = "id",
          .topics = {"webhook_delivery.*", "webhook.*"},
          .prefix = [](const Json&) { return std::string{deliveries_prefix}; },
          .shown = [](const ObjectMeta& meta, const Json& asked, const Entry& row) -> Json {
            auto delivery = row.json();
            const auto status = asked.find("status");
            if (status != asked.end() && delivery.at("status") != *status) return nullptr;
            return delivery_body(meta, std::move(delivery));
          }};
}

}  // namespace

namespace {

constexpr const char* delivery_data = "{id, seq, parent, changed, topic}";

std::string delivery_topic(const char* verb) {
  return std::string{webhook::delivery_topics} + '.' + verb;
}

}  // namespace

Noun webhook_noun() {
  return {.kind = "webhook",
          .about = "Events sent to URLs, signed, and what became of each.",
          .lists = {.sorts = {{.field = "$updated_at"}}},
          .server_set = {{"disabled_reason", nullptr},
                         {"disabled_at", nullptr},
                         {"failing_since", nullptr},
                         {"lagging_since", nullptr},
                         {"secret_prefix", ""}},
          .examples = {.create = R"({"url":"https://example.org/hook","topics":["notebook.*"]})",
                       .change = R"({"topics":["notebook.*","job.failed"]})"},
          .logs = {delivery_log()},
          .topics = {{std::string{webhook::disabled_topic}, "{id, url, reason}",
                      "a webhook was disabled, as its deliveries failed for too long"},
                     {std::string{webhook::lagging_topic}, "{id, url, waiting}",
                      "as much waits for a webhook as may: its events wait in the log"},
                     {delivery_topic("created"), delivery_data, "an event is to be delivered"},
                     {delivery_topic("updated"), delivery_data,
                      "a delivery succeeded, was given up, or was begun anew"},
                     {delivery_topic("purged"), delivery_data, "a delivery is not kept any more"}},
          .make = [](const Noun& noun, const DomainOptions& options) {
            return make(noun, options.webhooks);
          }};
}

}  // namespace perdure::actors
