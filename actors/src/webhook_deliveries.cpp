// SPDX-License-Identifier: Apache-2.0
#include "webhook_deliveries.hpp"

#include <algorithm>
#include <charconv>

#include "perdure/actors/resource.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/runtime/call.hpp"
#include "webhook_signature.hpp"

namespace perdure::actors {

namespace {

using std::chrono::minutes;

/// Attempts under way at a time; a webhook that fails has one, so that it takes up no room.
constexpr std::size_t sending_max = 4;
/// An attempt that begins later would carry a time that receivers refuse (they allow 5 min).
constexpr auto begins_within = minutes{4};
/// The same of one whose time lies ahead, because the clock was set back since.
constexpr auto set_back_max = minutes{1};
/// Past the end of an attempt: its effect is lost, or stuck behind others.
constexpr auto doubt_after = minutes{5};
constexpr const char* alarm_name = "deliver";

std::string queue_key(Timestamp due, std::uint64_t number) {
  return "queue/" +
         ordered_key(static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_ms(due), 0))) + '/' +
         ordered_key(number);
}

std::uint64_t number_in(std::string_view digits) {
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

/// How long an entry of the queue was to wait. Versions up to 0.1.0 did not say.
std::optional<Milliseconds> wait_in(std::string_view digits) {
  std::int64_t wait = 0;
  const auto* end = digits.data() + digits.size();
  const auto [rest, failure] = std::from_chars(digits.data(), end, wait);
  if (failure != std::errc{} || rest != end || wait < 0) return {};
  return Milliseconds{wait};
}

std::string sending_key(std::uint64_t number) { return "sending/" + ordered_key(number); }
std::string body_key(std::uint64_t number) { return "bodies/" + ordered_key(number); }
std::string id_key(const std::string& id) { return "ids/" + id; }
// Ids of events hold those of objects, which may be longer than a key.
std::string event_key(const std::string& id) {
  return "events/" + to_hex(bytes_of(sha256(id)).substr(0, 16));
}

/// What became of an attempt, in words; empty when all is well.
std::string failure_in(const Json& outcome) {
  if (const auto error = outcome.find("error"); error != outcome.end()) {
    return error->value("detail", "it failed");
  }
  const int status = outcome.at("reply").at("status");
  if (status >= 200 && status < 300) return {};
  return "the receiver answered " + std::to_string(status);
}

int status_in(const Json& outcome) {
  const auto reply = outcome.find("reply");
  return reply == outcome.end() ? 0 : reply->value("status", 0);
}

/// How long the receiver wants to be left alone.
std::optional<Milliseconds> retry_after_in(const Json& outcome) {
  if (status_in(outcome) != 429 && status_in(outcome) != 503) return {};
  const auto& reply = outcome.at("reply");
  const auto wait = reply.find("retry_after_s");
  if (wait == reply.end()) return {};
  return std::chrono::seconds{wait->get<std::int64_t>()};
}

}  // namespace

Json no_deliveries() {
  return {{"next_number", 1}, {"waiting", 0}, {"kept", 0}, {"next_finish", 1}, {"given_up_row", 0}};
}

std::string delivery_key(std::uint64_t number) { return deliveries_prefix + ordered_key(number); }

Json delivery_body(const ObjectMeta& webhook, Json delivery) {
  delivery.erase(std::string{internal_member});
  delivery["webhook_id"] = webhook.object().id;
  return delivery;
}

std::optional<std::uint64_t> find_delivery(const EntryReader& entries, const std::string& id) {
  const auto place = is_uuid(id) ? entries.get(id_key(id)) : std::nullopt;
  if (!place) return {};
  return place->json().get<std::uint64_t>();
}

void change_subscription(Turn& turn, const Json& state, const std::string& from) {
  const auto topics = state.at("enabled") == true ? state.at("topics") : Json::array();
  turn.send({.to = {"subscription", turn.object().id},
             .command = "change",
             .payload = {{"topics", topics}, {"from", from}}});
}

Json& Deliveries::internal() { return state_[std::string{internal_member}]; }

Json Deliveries::load(std::uint64_t number) const {
  const auto entry = turn_.entries().get(delivery_key(number));
  return entry ? entry->json() : Json(nullptr);
}

void Deliveries::store(const Json& delivery) {
  const auto number = delivery.at(std::string{internal_member}).at("number").get<std::uint64_t>();
  turn_.entries().put_json(delivery_key(number), delivery);
}

std::optional<Json> Deliveries::add(const Json& event) {
  const std::string event_id = event.at("id");
  if (turn_.entries().get(event_key(event_id))) return {};
  const auto number = internal().at("next_number").get<std::uint64_t>();
  internal()["next_number"] = number + 1;
  Json delivery{{"id", turn_.new_id()},
                {"event_id", event_id},
                {"topic", event.at("type")},
                {"status", "pending"},
                {"attempts", 0},
                {"created_at", format_rfc3339(turn_.now())},
                {"last_attempt_at", nullptr},
                {"next_attempt_at", nullptr},
                {"completed_at", nullptr},
                {"response_status", nullptr},
                {"error", nullptr},
                {internal_member, {{"number", number}}}};
  turn_.entries().put_json(event_key(event_id), number);
  turn_.entries().put_json(id_key(delivery["id"]), number);
  turn_.entries().put(body_key(number), dump_json(event));
  internal()["waiting"] = internal().at("waiting").get<std::size_t>() + 1;
  if (internal()["waiting"] > webhook::deliveries_waiting_max) {
    delivery["error"] = "too many deliveries wait already";
    finish(delivery, "failed");
    return delivery;
  }
  wait_for(delivery, Milliseconds{0});
  go_on();
  return load(number);
}

void Deliveries::go_on() {
  send_due();
  const auto waiting = internal().at("waiting").get<std::size_t>();
  auto& since = state_["lagging_since"];
  const ObjectId subscription{"subscription", turn_.object().id};
  if (since.is_null() && waiting >= policy_.waiting_max) {
    since = format_rfc3339(turn_.now());
    turn_.send({.to = subscription, .command = "pause"});
    turn_.publish(std::string{webhook::lagging_topic},
                  {{"id", turn_.object().id}, {"url", state_.at("url")}, {"waiting", waiting}});
  } else if (!since.is_null() && state_.at("enabled") == true &&
             waiting <= policy_.waiting_max / 2) {
    since = nullptr;
    turn_.send({.to = subscription, .command = "resume"});
  }
}

void Deliveries::settle() {
  for (const auto& entry : turn_.entries().range(EntryRange::prefix("sending/"))) doubt(entry);
  go_on();
}

void Deliveries::wait_for(Json& delivery, Milliseconds wait) {
  const auto number = delivery.at(std::string{internal_member}).at("number").get<std::uint64_t>();
  const auto key = queue_key(turn_.steady_now() + wait, number);
  delivery["status"] = "pending";
  delivery["next_attempt_at"] = format_rfc3339(turn_.now() + wait);
  delivery[std::string{internal_member}]["queue"] = key;
  turn_.entries().put(key, std::to_string(wait.count()));
  store(delivery);
}

bool Deliveries::is_due(const Entry& entry, Timestamp now, Wake& wake) {
  const auto due = from_unix_ms(static_cast<std::int64_t>(number_in(entry.key.substr(6, 16))));
  if (due <= now) return true;
  // Of an earlier process, whose clock was ahead: it waits no longer than it was to wait.
  const auto wait = wait_in(entry.value).value_or(policy_.retry.ceiling);
  if (due - now > wait) {
    turn_.entries().erase(entry.key);
    auto delivery = load(number_in(entry.key.substr(6 + 16 + 1)));
    if (!delivery.is_null()) wait_for(delivery, wait);
  }
  wake.at(std::min(due, now + wait));
  return false;
}

void Deliveries::send_due() {
  const auto now = turn_.steady_now();
  Wake wake;
  std::size_t sending = 0;
  for (const auto& entry : turn_.entries().range(EntryRange::prefix("sending/"))) {
    const auto until = from_unix_ms(entry.json().at("until"));
    if (until <= now) {
      doubt(entry);
    } else {
      ++sending;
      wake.at(until);
    }
  }
  const auto most = state_.at("failing_since").is_null() ? sending_max : 1;
  if (state_.at("enabled") == true) {
    auto queue = EntryRange::prefix("queue/");
    queue.limit = sending_max + 1;
    for (const auto& entry : turn_.entries().range(queue)) {
      if (!is_due(entry, now, wake)) continue;
      if (sending >= most) break;  // goes on when one of them is done
      start(entry.key, number_in(entry.key.substr(6 + 16 + 1)));
      ++sending;
      wake.at(now + policy_.timeout + begins_within + doubt_after);
    }
  }
  if (wake.time) {
    turn_.set_alarm({.name = alarm_name,
                     .command = "deliver",
                     .schedule = Schedule::in(std::max(*wake.time - now, Milliseconds{0}))});
  } else {
    turn_.cancel_alarm(alarm_name);
  }
}

Json Deliveries::signed_request(const std::string& event_id, const std::string& body) const {
  const auto now = turn_.now();
  const auto& inside = state_.at(std::string{internal_member});
  std::vector<std::string> secrets{inside.at("secret")};
  if (const auto& until = inside.at("previous_until"); until.is_string()) {
    const auto end = parse_rfc3339(until.get_ref<const std::string&>());
    if (end && turn_.steady_now() < *end) secrets.push_back(inside.at("previous_secret"));
  }
  Json headers = sign_webhook(secrets, event_id, now, body);
  // Structured mode (CloudEvents over HTTP, section 3.2): the body is the event itself.
  headers["Content-Type"] = "application/cloudevents+json";
  const auto event = parse_stored_json(body);
  if (event && event->contains("traceparent")) headers["traceparent"] = event->at("traceparent");
  return {{"method", "POST"},
          {"url", state_.at("url")},
          {"headers", std::move(headers)},
          {"body", body},
          {"timeout_ms", policy_.timeout.count()},
          {"any_status", true},
          {"response_bytes_max", 0},
          {"truncate", true},
          {"not_after", format_rfc3339(now + begins_within)},
          {"not_before", format_rfc3339(now - set_back_max)}};
}

void Deliveries::start(const std::string& key, std::uint64_t number) {
  auto& entries = turn_.entries();
  entries.erase(key);
  auto delivery = load(number);
  const auto body = entries.get(body_key(number));
  if (delivery.is_null() || !body) return;
  const int attempt = delivery.at("attempts").get<int>() + 1;
  delivery["attempts"] = attempt;
  delivery["status"] = "sending";
  delivery["last_attempt_at"] = format_rfc3339(turn_.now());
  delivery["next_attempt_at"] = nullptr;
  delivery[std::string{internal_member}].erase("queue");
  store(delivery);
  // One attempt: the times between attempts are kept here, where they survive a restart.
  const auto effect = turn_.request({.performer = "http",
                                     .payload = signed_request(delivery["event_id"], body->value),
                                     .then = "attempted",
                                     .context = {{"number", number}, {"attempt", attempt}},
                                     .retry = {.attempts = 1}});
  const auto until = turn_.steady_now() + policy_.timeout + begins_within + doubt_after;
  entries.put_json(sending_key(number), {{"effect", effect}, {"until", to_unix_ms(until)}});
}

void Deliveries::doubt(const Entry& sending) {
  turn_.cancel(sending.json().at("effect"));
  turn_.entries().erase(sending.key);
  auto delivery = load(number_in(sending.key.substr(std::string_view{"sending/"}.size())));
  if (!delivery.is_null()) wait_for(delivery, Milliseconds{0});
}

bool Deliveries::attempted(const Json& outcome) {
  const auto& context = outcome.at("context");
  const auto number = context.at("number").get<std::uint64_t>();
  auto delivery = load(number);
  if (delivery.is_null() || delivery.at("status") != "sending" ||
      delivery.at("attempts") != context.at("attempt")) {
    return false;
  }
  turn_.entries().erase(sending_key(number));
  const auto status = status_in(outcome);
  delivery["response_status"] = status == 0 ? Json(nullptr) : Json(status);
  const auto failure = failure_in(outcome);
  delivery["error"] = failure.empty() ? Json(nullptr) : Json(failure);
  const auto error = outcome.value("error", Json::object()).value("code", "");
  const bool is_refused = error == "unauthenticated";  // the owner is not served any more
  if (failure.empty()) {
    succeed(delivery);
  } else if (is_refused || error == "deadline_exceeded") {  // it never began
    delivery["attempts"] = context.at("attempt").get<int>() - 1;
    wait_for(delivery, Milliseconds{0});
    if (is_refused) disable("owner_inactive");
  } else {
    fail_attempt(delivery, outcome);
  }
  go_on();
  return true;
}

void Deliveries::succeed(Json& delivery) {
  state_["failing_since"] = nullptr;
  internal()["given_up_row"] = 0;
  finish(delivery, "succeeded");
}

void Deliveries::fail_attempt(Json& delivery, const Json& outcome) {
  const auto now = turn_.steady_now();
  if (status_in(outcome) == 410) {
    finish(delivery, "failed");
    return disable("gone");
  }
  if (state_.at("failing_since").is_null()) {
    state_["failing_since"] = format_rfc3339(turn_.now());
    internal()["failing_from"] = to_unix_ms(now);
  }
  const int attempt = delivery.at("attempts");
  if (attempt >= policy_.retry.attempts) {
    give_up(delivery);
  } else {
    wait_for(delivery, policy_.retry.wait_after(attempt, turn_.random(), retry_after_in(outcome)));
  }
  const bool for_long = now - failing_from() >= policy_.disable_after;
  if (for_long || internal().at("given_up_row") >= policy_.given_up_max) disable("failing");
}

Timestamp Deliveries::failing_from() {
  const auto now = turn_.steady_now();
  auto& from = internal()["failing_from"];
  // Versions up to 0.1.0 have not noted it.
  if (!from.is_number_integer()) from = to_unix_ms(now);
  return std::min(from_unix_ms(from.get<std::int64_t>()), now);
}

void Deliveries::give_up(Json& delivery) {
  internal()["given_up_row"] = internal().at("given_up_row").get<int>() + 1;
  const auto letter = turn_.new_id();
  turn_.send({.to = {"dead_letter", letter},
              .command = "record",
              .payload = {{"type", "webhook"},
                          {"from", to_string(turn_.object())},
                          {"life", turn_.meta().origin->born_seq},
                          {"command", "retry_delivery"},
                          {"payload", {{"id", delivery.at("id")}}},
                          {"attempts", delivery.at("attempts")},
                          {"error", {{"code", "unavailable"}, {"detail", delivery.at("error")}}}}});
  delivery[std::string{internal_member}]["letter"] = letter;
  finish(delivery, "failed");
}

void Deliveries::finish(Json& delivery, const char* status) {
  auto& inside = delivery[std::string{internal_member}];
  const auto place = internal().at("next_finish").get<std::uint64_t>();
  internal()["next_finish"] = place + 1;
  internal()["waiting"] = internal().at("waiting").get<std::size_t>() - 1;
  internal()["kept"] = internal().at("kept").get<std::size_t>() + 1;
  inside["finished"] = place;
  turn_.entries().put_json("finished/" + ordered_key(place), inside.at("number"));
  delivery["status"] = status;
  delivery["next_attempt_at"] = nullptr;
  delivery["completed_at"] = format_rfc3339(turn_.now());
  store(delivery);
  if (internal()["kept"] > webhook::deliveries_kept) forget_oldest();
}

void Deliveries::forget_oldest() {
  auto& entries = turn_.entries();
  auto oldest = EntryRange::prefix("finished/");
  oldest.limit = 1;
  for (const auto& entry : entries.range(oldest)) {
    const auto number = entry.json().get<std::uint64_t>();
    const auto delivery = load(number);
    entries.erase(entry.key);
    internal()["kept"] = internal().at("kept").get<std::size_t>() - 1;
    if (delivery.is_null()) continue;
    entries.erase(id_key(delivery.at("id")));
    entries.erase(event_key(delivery.at("event_id")));
    entries.erase(body_key(number));
    entries.erase(delivery_key(number));
  }
}

void Deliveries::disable(const char* reason) {
  if (state_.at("enabled") == false) return;
  state_["enabled"] = false;
  state_["disabled_reason"] = reason;
  state_["disabled_at"] = format_rfc3339(turn_.now());
  // One that lags has been passed over already, and goes on where it was when it is enabled.
  if (state_.at("lagging_since").is_null()) change_subscription(turn_, state_, "");
  turn_.publish(std::string{webhook::disabled_topic},
                {{"id", turn_.object().id}, {"url", state_.at("url")}, {"reason", reason}});
}

Result<Json> Deliveries::retry(const std::string& id) {
  const auto number = find_delivery(turn_.entries(), id);
  auto delivery = number ? load(*number) : Json(nullptr);
  if (delivery.is_null()) return fail(ErrorCode::not_found, "no such delivery");
  if (delivery.at("status") == "sending") {
    return fail(ErrorCode::conflict, "the delivery is being sent");
  }
  auto& inside = delivery[std::string{internal_member}];
  if (const auto queued = inside.find("queue"); queued != inside.end()) {
    turn_.entries().erase(queued->get<std::string>());
  }
  if (const auto finished = inside.find("finished"); finished != inside.end()) {
    turn_.entries().erase("finished/" + ordered_key(finished->get<std::uint64_t>()));
    inside.erase("finished");
    internal()["kept"] = internal().at("kept").get<std::size_t>() - 1;
    internal()["waiting"] = internal().at("waiting").get<std::size_t>() + 1;
  }
  if (const auto letter = inside.find("letter"); letter != inside.end()) {
    // Somebody may have seen to it already: any answer will do.
    turn_.send({.to = {"dead_letter", letter->get<std::string>()},
                .command = std::string{builtin::remove},
                .then = "deliver"});
    inside.erase("letter");
  }
  delivery["attempts"] = 0;
  delivery["completed_at"] = nullptr;
  wait_for(delivery, Milliseconds{0});
  go_on();
  return load(*number);
}

}  // namespace perdure::actors
