// SPDX-License-Identifier: Apache-2.0
#include "app/chat/frames.hpp"

#include <algorithm>
#include <array>

#include "app/problem.hpp"
#include "perdure/base/check.hpp"
#include "perdure/schemas/registry.hpp"

namespace perdure::api::chat {

namespace {

struct TypeRow {
  std::string_view name;
  FrameType type;
  const char* schema;
};

constexpr std::array types{TypeRow{"message", FrameType::message, "MessageCreate"},
                           TypeRow{"typing", FrameType::typing, "ChatTyping"},
                           TypeRow{"presence", FrameType::presence, "ChatPresence"},
                           TypeRow{"ping", FrameType::ping, "ChatPing"}};

Frame frame(const Json& json) { return std::make_shared<const std::string>(dump_json(json)); }

Json person(const std::string& user_id) { return user_id.empty() ? Json(nullptr) : Json(user_id); }

Json as_json(const Presence& presence) {
  return {{"connection_id", std::to_string(presence.connection)},
          {"user_id", person(presence.user_id)},
          {"status", presence.status}};
}

Json as_json(std::span<const Presence> all) {
  auto list = Json::array();
  for (const auto& one : all) list.push_back(as_json(one));
  return list;
}

Unexpected unknown_type() {
  return fail(invalid_value({{"/type", "enum", "must be message, typing, presence or ping"}}));
}

}  // namespace

Result<ClientFrame> read_frame(std::string_view text, std::string& client_id) {
  PERDURE_TRY(json, parse_json(text));
  if (!json.is_object()) return fail(invalid_value({{"", "type", "must be an object"}}));
  if (const auto named = json.find("client_id"); named != json.end() && named->is_string()) {
    client_id = named->get<std::string>();
  }
  const auto type = json.find("type");
  if (type == json.end() || !type->is_string()) return unknown_type();
  const auto* row = std::ranges::find(types, type->get_ref<const std::string&>(), &TypeRow::name);
  if (row == types.end()) return unknown_type();
  json.erase(type);
  const auto* schema = find_schema(row->schema);
  PERDURE_CHECK(schema != nullptr, row->schema);
  schema->prepare(json);
  if (auto wrong = schema->validate(json); !wrong.empty()) {
    return fail(invalid_value(std::move(wrong)));
  }
  return ClientFrame{row->type, std::move(json), client_id};
}

Frame message_frame(const Entry& entry) {
  constexpr std::string_view begin = R"({"type":"message",)";
  auto text = std::make_shared<std::string>();
  text->reserve(begin.size() + entry.value.size());
  *text = begin;
  text->append(entry.value, 1);  // the entry is a JSON object with members
  return text;
}

Frame ack_frame(const std::string& client_id, const Json& message) {
  return frame({{"type", "ack"},
                {"client_id", client_id.empty() ? Json(nullptr) : Json(client_id)},
                {"id", message.at("id")},
                {"seq", message.at("seq")}});
}

Frame error_frame(Error error, const std::string& client_id) {
  const auto problem = problem_from(std::move(error));
  Json json{{"type", "error"},
            {"code", problem.code},
            {"detail", problem.detail},
            {"details", details_of(problem)}};
  if (!client_id.empty()) json["client_id"] = client_id;
  if (problem.retry_after) json["retry_after"] = problem.retry_after->count();
  return frame(json);
}

Frame typing_frame(const Presence& who, const Json& body) {
  Json json{{"type", "typing"},
            {"connection_id", std::to_string(who.connection)},
            {"user_id", person(who.user_id)},
            {"typing", body.value("typing", true)}};
  if (const auto agent = body.find("agent_id"); agent != body.end()) json["agent_id"] = *agent;
  return frame(json);
}

Frame pong_frame() {
  static const Frame pong = frame({{"type", "pong"}});
  return pong;
}

Frame welcome_frame(const Presence& self, std::span<const Presence> members, std::size_t online,
                    std::uint64_t after) {
  return frame({{"type", "presence"},
                {"event", "list"},
                {"connection_id", std::to_string(self.connection)},
                {"members", as_json(members)},
                {"online", online},
                {"after", after}});
}

Frame presence_frame(const PresenceChange& change) {
  return frame({{"type", "presence"},
                {"event", "change"},
                {"joined", as_json(change.joined)},
                {"left", as_json(change.left)},
                {"updated", as_json(change.updated)},
                {"online", change.online}});
}

}  // namespace perdure::api::chat
