// SPDX-License-Identifier: Apache-2.0
#include "outbox_item.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "fields.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/runtime/own_error.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::runtime {

namespace {

constexpr std::array type_names{std::pair{Sent::Type::message, "message"},
                                std::pair{Sent::Type::effect, "effect"},
                                std::pair{Sent::Type::cancel, "cancel"}};

Json object_json(const ObjectId& object) { return {object.kind, object.id}; }
ObjectId object_of(const Json& json) { return {json.at(0), json.at(1)}; }

// Throws what makes the row corrupt.
Seq life_in(const Json& json, const char* member) {
  const auto life = whole_member(json, member, 0, 0, INT64_MAX);
  if (!life) throw Failure{life.error()};
  return static_cast<Seq>(*life);
}

}  // namespace

Result<void> check_carried(std::string_view pointer, const Json& json, std::size_t bytes_max) {
  std::string broken;
  if (is_nested_deeper(json, limits::nesting_max)) {
    broken = fmt::format("is nested deeper than {}", limits::nesting_max);
  } else if (serialized_size(json, bytes_max) > bytes_max) {
    broken = fmt::format("has more than {} bytes", bytes_max);
  } else {
    return {};
  }
  Error error{.code = ErrorCode::too_large,
              .detail = fmt::format("{} {}", pointer.substr(1), broken)};
  error.fields.push_back({std::string{pointer}, "maximum", std::move(broken)});
  return fail(std::move(error));
}

std::string encode_sent(const Sent& sent) {
  Json json{{"from", object_json(sent.from)}};
  for (const auto& [type, name] : type_names) {
    if (type == sent.type) json["type"] = name;
  }
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  const auto add_life = [&](const char* name, Seq life) {
    if (life != 0) json[name] = life;
  };
  if (sent.type == Sent::Type::message) json["to"] = object_json(sent.to);
  add_life("from_life", sent.from_life);
  add_life("to_life", sent.to_life);
  add("performer", sent.performer);
  add("effect_id", sent.effect_id);
  add("command", sent.command);
  if (!sent.payload.is_null()) json["payload"] = sent.payload;
  add("then", sent.then);
  if (!sent.context.is_null()) json["context"] = sent.context;
  json["retry"] = sent.retry;
  if (sent.timeout.count() != 0) json["timeout_ms"] = sent.timeout.count();
  if (sent.priority != 0) json["priority"] = sent.priority;
  add("owner", sent.owner);
  if (sent.sender_owner != sent.owner) json["by"] = sent.sender_owner;
  add("request_id", sent.request_id);
  add("traceparent", sent.traceparent);
  return dump_json(json);
}

Result<Sent> decode_sent(const storage::OutboxRow& row) {
  const auto corrupt = [&](std::string_view why) {
    return fail(ErrorCode::corrupt,
                fmt::format("outbox item {} cannot be read: {}", row.position, why));
  };
  const auto parsed = parse_stored_json(row.body);
  if (!parsed) return corrupt(parsed.error().detail);
  const auto& json = *parsed;
  try {
    Sent sent{.from = object_of(json.at("from"))};
    for (const auto& [type, name] : type_names) {
      if (json.at("type") == name) sent.type = type;
    }
    if (json.contains("to")) sent.to = object_of(json["to"]);
    sent.from_life = life_in(json, "from_life");
    sent.to_life = life_in(json, "to_life");
    sent.performer = json.value("performer", "");
    sent.effect_id = json.value("effect_id", "");
    sent.command = json.value("command", "");
    const bool is_message = sent.type == Sent::Type::message;
    sent.payload = json.value("payload", is_message ? Json::object() : Json(nullptr));
    sent.then = json.value("then", "");
    sent.context = json.value("context", Json(nullptr));
    const auto retry = parse_retry(json.at("retry"), "/retry");
    if (!retry) return corrupt(retry.error().detail);
    sent.retry = *retry;
    using Int = std::numeric_limits<int>;
    const auto timeout = whole_member(json, "timeout_ms", 0, 0, INT64_MAX);
    if (!timeout) return corrupt(timeout.error().detail);
    sent.timeout = Milliseconds{*timeout};
    const auto priority = whole_member(json, "priority", 0, Int::min(), Int::max());
    if (!priority) return corrupt(priority.error().detail);
    sent.priority = static_cast<int>(*priority);
    sent.owner = json.value("owner", "");
    sent.sender_owner = json.value("by", sent.owner);
    sent.request_id = json.value("request_id", "");
    sent.traceparent = json.value("traceparent", "");
    return sent;
  } catch (const std::exception& refused) {
    return corrupt(refused.what());
  }
}

Json answer_payload(const Json& context, const Result<Json>& answer) {
  Json payload{{"context", context}};
  if (answer) {
    payload["reply"] = *answer;
  } else {
    payload["error"] = error_json(answer.error());
  }
  return payload;
}

}  // namespace perdure::runtime
