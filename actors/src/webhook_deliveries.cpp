// SPDX-License-Identifier: Apache-2.0
#include "webhook_deliveries.hpp"

#include <algorithm>

#include "errors.hpp"
#include "item_condition.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/options.hpp"
#include "webhook_rows.hpp"

namespace perdure::actors {

namespace {

/// Attempts under way at a time; a webhook that fails has one, so that it takes up no room.
constexpr std::size_t sending_max = 4;
/// An alarm that rings earlier than it must by no more than this stays as it is: it does no harm,
/// and setting it anew in every turn costs more.
constexpr auto early_max = std::chrono::minutes{1};
constexpr const char* alarm_name = "deliver";
/// At most each of a batch is told as made, as ended because too many wait, and with one that is
/// forgotten for it; beside them `webhook.lagging` and a change of the webhook.
static_assert(3 * webhook::events_a_turn_max + 2 <= limits::turn_events_max);

}  // namespace

Json no_deliveries() {
  return {{"next_number", 1}, {"next_try", 1},    {"rows_from", 1},   {"waiting", 0},
          {"kept", 0},        {"next_finish", 1}, {"given_up_row", 0}};
}

Json manner_of_events() {
  return {{"command", "events"},
          {"by_name", webhook::topics_by_name},
          {"batch_max", webhook::events_a_turn_max}};
}

void add_rows_from(Json& internal) {
  internal["rows_from"] = internal.at("next_number");
  internal["next_try"] = internal.at("next_number");
}

void change_subscription(Turn& turn, const Json& state, const std::string& from) {
  Json change = manner_of_events();
  change["topics"] = state.at("enabled") == true ? state.at("topics") : Json::array();
  change["from"] = from;
  turn.send({.to = {"subscription", turn.object().id},
             .command = "change",
             .payload = std::move(change)});
}

Json& Deliveries::internal() { return state_[std::string{internal_member}]; }

Json Deliveries::load(std::uint64_t number) const {
  if (const auto found = changed_.find(number); found != changed_.end()) return found->second;
  const auto entry = turn_.entries().get(row_key(deliveries_prefix, number));
  return entry ? entry->json() : Json(nullptr);
}

void Deliveries::store(const Json& delivery) {
  const auto number = delivery.at(std::string{internal_member}).at("number").get<std::uint64_t>();
  auto& kept = changed_[number];
  kept = delivery;
  kept[std::string{internal_member}]["seq"] = turn_.meta().seq + 1;
}

void Deliveries::write() {
  for (const auto& [number, delivery] : changed_) {
    turn_.entries().put_json(row_key(deliveries_prefix, number), delivery);
  }
}

void Deliveries::tell(std::string_view verb, const Json& delivery, Json changed) {
  const auto& webhook = turn_.object();
  turn_.publish(std::string{webhook::delivery_topics} + '.' + std::string{verb},
                {{"id", delivery.at("id")},
                 {"seq", turn_.meta().seq + 1},
                 {"parent", {{"kind", webhook.kind}, {"id", webhook.id}}},
                 {"changed", std::move(changed)},
                 {"topic", delivery.at("topic")}});
}

std::optional<std::uint64_t> Deliveries::add(const Json& event, std::string text) {
  const std::string event_id = event.at("id");
  const auto known = event_key(event_id);
  if (turn_.entries().get(known)) return {};
  const auto number = internal().at("next_number").get<std::uint64_t>();
  internal()["next_number"] = number + 1;
  const auto now = format_rfc3339(turn_.now());
  Json delivery{{"id", delivery_id(turn_.new_id(), number)},
                {"event_id", event_id},
                {"topic", event.at("type")},
                {"status", "pending"},
                {"attempts", 0},
                {"created_at", now},
                {"last_attempt_at", nullptr},
                {"next_attempt_at", now},
                {"completed_at", nullptr},
                {"response_status", nullptr},
                {"error", nullptr},
                {internal_member, {{"number", number}, {"since", to_unix_ms(turn_.steady_now())}}}};
  turn_.entries().put_json(known, number);
  turn_.entries().put(body_key(number), std::move(text));
  internal()["waiting"] = internal().at("waiting").get<std::size_t>() + 1;
  tell("created", delivery, Json::array({"event_id", "topic", "status"}));
  if (internal()["waiting"] > webhook::deliveries_waiting_max) {
    delivery["error"] = "too many deliveries wait already";
    finish(delivery, "failed");
  } else {
    store(delivery);
  }
  return number;
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
  write();
}

void Deliveries::on_alarm() {
  alarm_rang_ = true;
  go_on();
}

void Deliveries::settle() {
  for (const auto& entry : turn_.entries().range(EntryRange::prefix(std::string{sending_prefix}))) {
    doubt(entry);
  }
  go_on();
}

void Deliveries::wait_for(Json& delivery, Milliseconds wait) {
  auto& inside = delivery[std::string{internal_member}];
  const auto number = inside.at("number").get<std::uint64_t>();
  auto key = queue_key(turn_.steady_now() + wait, number);
  delivery["status"] = "pending";
  delivery["next_attempt_at"] = format_rfc3339(turn_.now() + wait);
  inside["queue"] = key;
  turn_.entries().put(std::move(key), std::to_string(wait.count()));
  turn_.entries().put_json(row_key(waiting_prefix, number), true);
  store(delivery);
}

void Deliveries::take_out_of_queue(Json& delivery) {
  auto& inside = delivery[std::string{internal_member}];
  const auto queued = inside.find("queue");
  if (queued == inside.end()) return;
  turn_.entries().erase(queued->get<std::string>());
  turn_.entries().erase(row_key(waiting_prefix, inside.at("number").get<std::uint64_t>()));
  inside.erase(queued);
}

std::size_t Deliveries::count_sending(Timestamp now, Wake& wake) {
  std::size_t sending = 0;
  for (const auto& entry : turn_.entries().range(EntryRange::prefix(std::string{sending_prefix}))) {
    const auto until = from_unix_ms(entry.json().at("until"));
    if (until <= now) {
      doubt(entry);
    } else {
      ++sending;
      wake.at(until);
    }
  }
  return sending;
}

/// The first of those that may be sent by now; the alarm waits for the next one.
std::deque<Deliveries::Due> Deliveries::due_in_queue(Timestamp now, Wake& wake) {
  std::deque<Due> found;
  auto queue = EntryRange::prefix(std::string{queue_prefix});
  queue.limit = sending_max + 1;
  for (const auto& entry : turn_.entries().range(queue)) {
    const auto due = due_in(entry.key);
    const auto number = number_in(entry.key);
    if (due <= now) {
      found.push_back({due, number});
      continue;
    }
    // Of an earlier process, whose clock was ahead: it waits no longer than it was to wait.
    const auto wait = wait_in(entry.value).value_or(policy_.retry.ceiling);
    if (due - now > wait) {
      auto delivery = load(number);
      turn_.entries().erase(entry.key);
      if (!delivery.is_null()) wait_for(delivery, wait);
    }
    wake.at(std::min(due, now + wait));
  }
  return found;
}

std::optional<Deliveries::Due> Deliveries::first_in_line() {
  auto& next = internal().at("next_try");
  for (auto number = next.get<std::uint64_t>(); number < internal().at("next_number"); ++number) {
    next = number;
    const auto delivery = load(number);
    if (delivery.is_null() || delivery.at("status") != "pending") continue;
    const auto& inside = delivery.at(std::string{internal_member});
    if (inside.contains("queue")) continue;
    return Due{from_unix_ms(inside.value("since", std::int64_t{0})), number};
  }
  next = internal().at("next_number");
  return {};
}

/// Whoever has waited for longest goes first, whether it was tried before or not.
void Deliveries::start_due(std::size_t sending, Timestamp now, Wake& wake) {
  const auto most = state_.at("failing_since").is_null() ? sending_max : std::size_t{1};
  auto queue = due_in_queue(now, wake);
  while (sending < most) {
    const auto line = first_in_line();
    if (queue.empty() && !line) break;
    const bool from_queue = !line || (!queue.empty() && queue.front().due <= line->due);
    const auto next = from_queue ? queue.front() : *line;
    if (from_queue) {
      queue.pop_front();
      turn_.entries().erase(queue_key(next.due, next.number));
    } else {
      internal()["next_try"] = next.number + 1;
    }
    const auto until = start(next.number);
    if (!until) continue;
    wake.at(*until);
    ++sending;
  }
}

void Deliveries::send_due() {
  const auto now = turn_.steady_now();
  Wake wake;
  const auto sending = count_sending(now, wake);
  if (state_.at("enabled") == true) start_due(sending, now, wake);
  set_alarm(wake, now);
}

/// One that stands and is not needed finds nothing to do when it rings. In the turn that it causes
/// it still stands, and will not ring again.
void Deliveries::set_alarm(const Wake& wake, Timestamp now) {
  if (!wake.time) return;
  const auto standing = alarm_rang_ ? std::nullopt : turn_.alarm(alarm_name);
  if (standing && !standing->finished && standing->wait) {
    const auto rings = standing->wait->until;
    if (rings > now && rings <= *wake.time && *wake.time - rings <= early_max) return;
  }
  turn_.set_alarm({.name = alarm_name,
                   .command = "deliver",
                   .schedule = Schedule::in(std::max(*wake.time - now, Milliseconds{0}))});
}

/// Says what is other than it was told last. Attempts that come to nothing are not told, so that
/// what was is kept beside what is.
void Deliveries::tell_change(Json& delivery) {
  const Json first{{"status", "pending"},
                   {"attempts", 0},
                   {"completed_at", nullptr},
                   {"response_status", nullptr},
                   {"error", nullptr}};
  auto& inside = delivery[std::string{internal_member}];
  const Json before = inside.value("told", first);
  auto& told = inside["told"];
  auto changed = Json::array();
  for (const auto& [member, value] : first.items()) {
    told[member] = delivery.at(member);
    if (told[member] != before.at(member)) changed.push_back(member);
  }
  if (!changed.empty()) tell("updated", delivery, std::move(changed));
}

void Deliveries::finish(Json& delivery, const char* status) {
  auto& inside = delivery[std::string{internal_member}];
  const auto number = inside.at("number").get<std::uint64_t>();
  const auto place = internal().at("next_finish").get<std::uint64_t>();
  internal()["next_finish"] = place + 1;
  internal()["waiting"] = internal().at("waiting").get<std::size_t>() - 1;
  internal()["kept"] = internal().at("kept").get<std::size_t>() + 1;
  inside["finished"] = place;
  turn_.entries().put_json(row_key(finished_prefix, place), number);
  turn_.entries().put_json(ended_key(status, number), true);
  delivery["status"] = status;
  delivery["next_attempt_at"] = nullptr;
  delivery["completed_at"] = format_rfc3339(turn_.now());
  tell_change(delivery);
  store(delivery);
  if (internal()["kept"] > webhook::deliveries_kept) forget_oldest();
}

void Deliveries::forget_oldest() {
  auto oldest = EntryRange::prefix(std::string{finished_prefix});
  oldest.limit = 1;
  for (const auto& entry : turn_.entries().range(oldest)) {
    turn_.entries().erase(entry.key);
    internal()["kept"] = internal().at("kept").get<std::size_t>() - 1;
    forget(entry.json().get<std::uint64_t>());
  }
}

void Deliveries::forget(std::uint64_t number) {
  const auto delivery = load(number);
  if (delivery.is_null()) return;
  auto& entries = turn_.entries();
  const std::string id = delivery.at("id");
  if (!has_number(id, number)) entries.erase(legacy_id_key(id));
  entries.erase(event_key(delivery.at("event_id")));
  entries.erase(body_key(number));
  entries.erase(ended_key(delivery.at("status").get_ref<const std::string&>(), number));
  entries.erase(row_key(deliveries_prefix, number));
  changed_.erase(number);
  tell("purged", delivery, Json::array());
}

Result<Json> Deliveries::retry(const Json& payload) {
  PERDURE_TRY(id, required_text(payload, "id"));
  auto found = find_delivery(turn_.entries(), id);
  if (!found) return fail(ErrorCode::not_found, "no such delivery");
  auto& delivery = *found;
  PERDURE_TRY_VOID(check_if_seqs(payload, seq_of_delivery(delivery)));
  if (delivery.at("status") == "sending") {
    return fail(ErrorCode::conflict, "the delivery is being sent");
  }
  auto& inside = delivery[std::string{internal_member}];
  const auto number = inside.at("number").get<std::uint64_t>();
  take_out_of_queue(delivery);
  if (const auto finished = inside.find("finished"); finished != inside.end()) {
    turn_.entries().erase(row_key(finished_prefix, finished->get<std::uint64_t>()));
    turn_.entries().erase(ended_key(delivery.at("status").get_ref<const std::string&>(), number));
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
  delivery["status"] = "pending";
  tell_change(delivery);
  wait_for(delivery, Milliseconds{0});
  go_on();
  return load(number);
}

}  // namespace perdure::actors
