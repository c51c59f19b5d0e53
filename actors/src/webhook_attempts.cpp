// SPDX-License-Identifier: Apache-2.0
// Deliveries: their attempts, and what becomes of them.
#include <algorithm>

#include "perdure/actors/resource.hpp"
#include "webhook_deliveries.hpp"
#include "webhook_rows.hpp"
#include "webhook_signature.hpp"

namespace perdure::actors {

namespace {

using std::chrono::minutes;

/// An attempt that begins later would carry a time that receivers refuse (they allow 5 min).
constexpr auto begins_within = minutes{4};
/// The same of one whose time lies ahead, because the clock was set back since.
constexpr auto set_back_max = minutes{1};
/// Past the end of an attempt: its effect is lost, or stuck behind others.
constexpr auto doubt_after = minutes{5};

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
  if (body.find("\"traceparent\"") != std::string::npos) {
    const auto event = parse_stored_json(body);
    if (event && event->contains("traceparent")) headers["traceparent"] = event->at("traceparent");
  }
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

std::optional<Timestamp> Deliveries::start(std::uint64_t number) {
  auto& entries = turn_.entries();
  auto delivery = load(number);
  const auto body = entries.get(body_key(number));
  if (delivery.is_null() || !body) return {};
  take_out_of_queue(delivery);
  const int attempt = delivery.at("attempts").get<int>() + 1;
  delivery["attempts"] = attempt;
  delivery["status"] = "sending";
  delivery["last_attempt_at"] = format_rfc3339(turn_.now());
  delivery["next_attempt_at"] = nullptr;
  store(delivery);
  // One attempt: the times between attempts are kept here, where they survive a restart.
  const auto effect = turn_.request({.performer = "http",
                                     .payload = signed_request(delivery["event_id"], body->value),
                                     .then = "attempted",
                                     .context = {{"number", number}, {"attempt", attempt}},
                                     .retry = {.attempts = 1}});
  const auto until = turn_.steady_now() + policy_.timeout + begins_within + doubt_after;
  entries.put_json(row_key(sending_prefix, number),
                   {{"effect", effect}, {"until", to_unix_ms(until)}});
  return until;
}

void Deliveries::doubt(const Entry& sending) {
  turn_.cancel(sending.json().at("effect"));
  turn_.entries().erase(sending.key);
  auto delivery = load(number_in(sending.key));
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
  turn_.entries().erase(row_key(sending_prefix, number));
  const auto status = status_in(outcome);
  delivery["response_status"] = status == 0 ? Json(nullptr) : Json(status);
  const auto failure = failure_in(outcome);
  delivery["error"] = failure.empty() ? Json(nullptr) : Json(failure);
  const auto error = outcome.value("error", Json::object()).value("code", "");
  const bool is_refused = error == "unauthenticated";  // the owner is not served any more
  if (failure.empty()) {
    succeed(delivery);
  } else if (error == "gone") {  // it may not be told any more, whatever the receiver does
    delivery["attempts"] = context.at("attempt").get<int>() - 1;
    finish(delivery, "failed");
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

}  // namespace perdure::actors
