// SPDX-License-Identifier: Apache-2.0
#include "flow_state.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "alarm_rows.hpp"
#include "cell.hpp"
#include "once.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::runtime {

namespace {

/// In the order of Principal::Role.
constexpr std::array role_names{"user", "admin", "system"};

Json encode_principal(const Principal& principal) {
  return {{"role", role_names.at(static_cast<std::size_t>(principal.role))},
          {"user", principal.user_id},
          {"key", principal.key_id},
          {"scopes", principal.scopes}};
}

Principal decode_principal(const Json& json) {
  const auto named = std::ranges::find(role_names, json.at("role").get<std::string>());
  if (named == role_names.end()) throw std::invalid_argument{"no such role"};
  return {.role = static_cast<Principal::Role>(named - role_names.begin()),
          .user_id = json.at("user"),
          .key_id = json.at("key"),
          .scopes = json.at("scopes")};
}

Json encode_error(const Error& error) {
  Json json{{"code", describe(error.code).name}, {"detail", error.detail}};
  for (const auto& field : error.fields) {
    json["fields"].push_back({field.pointer, field.code, field.message});
  }
  if (error.retry_after) json["retry_after"] = error.retry_after->count();
  if (error.own) {
    const auto& own = *error.own;
    json["own"] = {own.name, own.http_status, own.title, own.members};
  }
  return json;
}

Error decode_error(const Json& json) {
  Error error{
      .code = error_code_from(json.at("code").get<std::string>()).value_or(ErrorCode::internal),
      .detail = json.at("detail")};
  for (const auto& field : json.value("fields", Json::array())) {
    error.fields.push_back({field.at(0), field.at(1), field.at(2)});
  }
  if (const auto retry = json.find("retry_after"); retry != json.end()) {
    error.retry_after = std::chrono::seconds{retry->get<std::int64_t>()};
  }
  if (const auto own = json.find("own"); own != json.end()) {
    error.own = std::make_shared<const OwnError>(
        OwnError{own->at(0), own->at(1).get<int>(), own->at(2), own->at(3)});
  }
  return error;
}

Json encode_kept(const KeptResult& kept) {
  Json json{{"name", kept.name}, {"at", to_unix_ms(kept.at)}};
  if (kept.result) {
    json["value"] = *kept.result;
  } else {
    json["error"] = encode_error(kept.result.error());
  }
  return json;
}

KeptResult decode_kept(const Json& json) {
  KeptResult kept{json.at("name"), from_unix_ms(json.at("at")), Json(nullptr)};
  if (const auto error = json.find("error"); error != json.end()) {
    kept.result = fail(decode_error(*error));
  } else {
    kept.result = json.at("value");
  }
  return kept;
}

Json encode(const Envelope& envelope, const KeptResult* next) {
  const auto& call = envelope.call;
  const auto& flow = *envelope.flow;
  Json json{{"object", {call.target.kind, call.target.id}},
            {"command", call.name},
            {"payload", call.payload},
            {"principal", encode_principal(call.principal)},
            {"accepted_at", to_unix_ms(envelope.accepted_at)},
            {"seed", envelope.random_seed},
            {"holds", flow.holds == Holds::yes},
            {"owner", flow.owner},
            {"life", flow.life}};
  if (!call.idempotency_key.empty()) {
    json["key"] = call.idempotency_key;
    json["fingerprint"] = call.idempotency_fingerprint;
  }
  if (call.owner) json["new_owner"] = *call.owner;
  if (!call.request_id.empty()) json["request_id"] = call.request_id;
  if (!call.traceparent.empty()) json["traceparent"] = call.traceparent;
  if (envelope.receipt) {
    const auto& receipt = *envelope.receipt;
    json["sent_by"] = {receipt.asker.kind, receipt.asker.id, receipt.asker_life, receipt.then,
                       receipt.context};
  }
  if (flow.asked_by) {
    const auto& by = *flow.asked_by;
    json["asked_by"] = {by.object.kind, by.object.id, by.flow, by.wait};
  }
  auto& kept = json["kept"] = Json::array();
  for (const auto& result : flow.kept) kept.push_back(encode_kept(result));
  if (next != nullptr) kept.push_back(encode_kept(*next));
  return json;
}

// Fenced as its object is: what an earlier epoch has begun ends with it, and goes on from its row.
storage::WriteSet write_set_of(const Envelope& envelope) {
  return {.object = flow_object(envelope.call.target), .epoch = envelope.in_flight.cell()->epoch};
}

storage::WriteSet put(const Envelope& envelope, Timestamp due, std::string body) {
  const auto& call = envelope.call;
  const auto& flow = *envelope.flow;
  auto write_set = write_set_of(envelope);
  write_set.alarms.push_back(
      {.name = flow.name, .previous_due = flow.stored_due, .due = due, .body = std::move(body)});
  if (!call.idempotency_key.empty() && !flow.keeps_key) add_once_begun(write_set, envelope);
  return write_set;
}

EnvelopePtr decode(const storage::AlarmRow& row, const Json& json) {
  auto envelope = std::make_shared<Envelope>();
  auto& call = envelope->call;
  call.target = {json.at("object").at(0), json.at("object").at(1)};
  call.name = json.at("command");
  call.payload = json.at("payload");
  call.principal = decode_principal(json.at("principal"));
  call.idempotency_key = json.value("key", "");
  call.idempotency_fingerprint = json.value("fingerprint", "");
  if (const auto named = json.find("new_owner"); named != json.end()) call.owner = *named;
  call.request_id = json.value("request_id", "");
  call.traceparent = json.value("traceparent", "");
  envelope->accepted_at = from_unix_ms(json.at("accepted_at"));
  envelope->random_seed = json.at("seed");
  auto flow = std::make_shared<FlowState>();
  flow->name = row.name;
  flow->holds = json.at("holds").get<bool>() ? Holds::yes : Holds::no;
  flow->owner = json.at("owner");
  flow->life = json.at("life");
  for (const auto& kept : json.at("kept")) keep(*flow, decode_kept(kept));
  flow->stored_due = row.due;
  flow->keeps_key = !call.idempotency_key.empty();
  flow->begun_wait = flow->kept.size();
  if (const auto by = json.find("sent_by"); by != json.end()) {
    envelope->receipt = Receipt{.asker = {by->at(0), by->at(1)},
                                .asker_life = by->at(2),
                                .then = by->at(3),
                                .context = by->at(4)};
  }
  if (const auto by = json.find("asked_by"); by != json.end()) {
    flow->asked_by = AskedBy{{by->at(0), by->at(1)}, by->at(2), by->at(3)};
  }
  envelope->flow = std::move(flow);
  return envelope;
}

}  // namespace

ObjectId flow_object(const ObjectId& object) {
  return {std::string{flow_kind_name}, to_string(object)};
}

std::string asked_flow_name(const AskedBy& by) {
  const auto digest = sha256({by.object.kind,
                              {"\0", 1},
                              by.object.id,
                              {"\0", 1},
                              by.flow,
                              {"\0", 1},
                              std::to_string(by.wait)});
  return "asked/" + to_hex(bytes_of(digest)).substr(0, 32);
}

std::size_t kept_bytes_of(const KeptResult& kept) {
  if (kept.result) return kept.name.size() + serialized_size(*kept.result);
  const auto& error = kept.result.error();
  return kept.name.size() + error.detail.size() + (error.own ? error.own->members.size() : 0);
}

void keep(FlowState& flow, KeptResult kept) {
  flow.kept_bytes += kept_bytes_of(kept);
  flow.kept.push_back(std::move(kept));
}

storage::WriteSet put_flow(const Envelope& envelope, const KeptResult* next) {
  return put(envelope, waiting_due, dump_json(encode(envelope, next)));
}

storage::WriteSet put_sleeping_flow(const Envelope& envelope) {
  auto alarm = *envelope.flow->sleep;
  alarm.spec.payload = encode(envelope, nullptr);
  return put(envelope, alarm.due, encode_alarm(alarm));
}

storage::WriteSet erase_flow(const Envelope& envelope, FlowEnd end) {
  const auto& flow = *envelope.flow;
  auto write_set = write_set_of(envelope);
  write_set.alarms.push_back(
      {.name = flow.name, .previous_due = flow.stored_due, .due = {}, .body = {}});
  if (end == FlowEnd::failed && flow.keeps_key) {
    write_set.releases.push_back({std::string{once_space}, once_key(envelope.call)});
  }
  return write_set;
}

void put_askers(storage::Unit& unit, const Envelope& envelope, std::vector<FlowState*>& stored) {
  for (const auto* at = envelope.asked.get(); at != nullptr; at = at->asker->asked.get()) {
    auto& flow = *at->asker->flow;
    if (flow.stored_due) return;  // and so have those that wait for it
    unit.write_sets.push_back(put_flow(*at->asker, nullptr));
    stored.push_back(&flow);
  }
}

void keep_answer(storage::Unit& unit, FlowAsk& ask, const Result<Json>& answer, Timestamp now) {
  ask.kept = {ask.name, now, answer};
  unit.write_sets.push_back(put_flow(*ask.asker, &ask.kept));
  ask.stored = {ask.asker->flow.get()};
  put_askers(unit, *ask.asker, ask.stored);
}

void note_stored(const std::vector<FlowState*>& stored) {
  for (auto* flow : stored) {
    flow->stored_due = waiting_due;
    flow->keeps_key = true;
  }
}

Result<EnvelopePtr> decode_flow(const storage::AlarmRow& row) {
  try {
    if (row.due == waiting_due) return decode(row, Json::parse(row.body));
    PERDURE_TRY(alarm, decode_alarm(row));
    auto envelope = decode(row, alarm.spec.payload);
    alarm.spec.payload = nullptr;
    envelope->flow->sleep = std::move(alarm);
    return envelope;
  } catch (const std::exception&) {
    return fail(ErrorCode::corrupt,
                "flow " + row.name + " of " + row.object.id + " cannot be read");
  }
}

}  // namespace perdure::runtime
