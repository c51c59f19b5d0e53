// SPDX-License-Identifier: Apache-2.0
#include "dead_letter.hpp"

#include <fmt/format.h>

#include "made_by_host.hpp"
#include "perdure/runtime/own_error.hpp"

namespace perdure::runtime {

namespace {

/// Sends again what the letter holds.
void drive_again(Turn& turn, const Json& letter) {
  const auto to_object = [](const Json& name) {
    const auto text = name.get<std::string>();
    const auto colon = text.find(':');
    return ObjectId{text.substr(0, colon), text.substr(colon + 1)};
  };
  if (letter.at("type") == "effect") {
    turn.request({.performer = letter.at("performer"), .payload = letter.at("payload")});
    return;
  }
  Message message{.to = to_object(letter.at(letter.at("type") == "message" ? "to" : "from")),
                  .command = letter.at("command"),
                  .payload = letter.at("payload")};
  // What a later life has under the name did not ask for it.
  message.life = letter.value("life", Seq{0});
  if (const auto retry = letter.find("retry"); retry != letter.end()) {
    if (const auto parsed = parse_retry(*retry, "/retry")) message.retry = *parsed;
  }
  turn.send(std::move(message));
}

/// Without what was sent: it may be large, and readers of events need not be those of letters.
Json announcement(const ObjectId& id, const Json& letter) {
  Json data{{"id", id.id}};
  for (const auto* name :
       {"type", "from", "attempts", "error", "name", "command", "to", "performer"}) {
    if (const auto found = letter.find(name); found != letter.end()) data[name] = *found;
  }
  return data;
}

void record(Turn& turn, Json& self, const Json& letter) {
  self = letter;
  turn.publish(std::string{dead_letter_topic}, announcement(turn.object(), letter));
}

}  // namespace

Kind dead_letter_kind() {
  return kind<Json>(std::string{dead_letter_kind_name})
      .reach(Reach::system)  // what it holds is sent as the host
      .publish_changes({.tells = ChangeEvents::Tells::ends})
      .check_state(made_by_the_host)
      .command("record", record, {.creates = Creates::yes, .callers = Callers::messages})
      .command("retry",
               [](Turn& turn, Json& self) {
                 drive_again(turn, self);
                 self["retried_at"] = format_rfc3339(turn.now());
                 return self;
               })
      .index(
          {.name = "created_at", .fields = {"$created_at"}, .scope = IndexDefinition::Scope::all});
}

Error cause_of_letter(const Json& letter) {
  const auto text = [](const Json& json, const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  auto error =
      error_from_json(letter.is_object() ? letter.value("error", Json::object()) : Json::object());
  error.detail =
      fmt::format("{} of {}: {}", text(letter, "type"), text(letter, "from"), error.detail);
  return error;
}

Sent dead_letter_of(const Origin& origin, const Alarm& alarm, const Error& error, std::string id) {
  const auto& owner = origin.owner.text();
  Sent sent{.type = Sent::Type::message, .from = origin.object, .from_life = origin.born_seq};
  sent.to = {std::string{dead_letter_kind_name}, std::move(id)};
  sent.command = "record";
  sent.owner = owner;
  sent.sender_owner = owner;
  sent.payload = {{"type", "alarm"},
                  {"name", alarm.spec.name},
                  {"from", to_string(origin.object)},
                  {"life", origin.born_seq},
                  {"command", alarm.spec.command},
                  {"payload", alarm.spec.payload},
                  {"retry", alarm.spec.retry},
                  {"tick", format_rfc3339(alarm.tick)},
                  {"attempts", alarm.attempt},
                  {"error", error_json(error)}};
  return sent;
}

Json dead_letter_of(const Sent& sent, int attempts, const Error& error) {
  Json letter{{"type", sent.type == Sent::Type::effect ? "effect" : "message"},
              {"from", to_string(sent.from)},
              {"payload", sent.payload},
              {"attempts", attempts},
              {"error", error_json(error)}};
  if (sent.type == Sent::Type::message) {
    letter["to"] = to_string(sent.to);
    if (sent.to_life != 0) letter["life"] = sent.to_life;
    letter["command"] = sent.command;
  } else {
    letter["performer"] = sent.performer;
  }
  return letter;
}

}  // namespace perdure::runtime
