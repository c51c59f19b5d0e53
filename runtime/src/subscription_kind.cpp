// SPDX-License-Identifier: Apache-2.0
// The kind `subscription`: its commands.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "fields.hpp"
#include "made_by_host.hpp"
#include "subscription.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t topics_max = 100;
/// Changes of topics that have not come to pass yet, and what their topics take; past either bound
/// a change takes effect at once.
constexpr std::size_t changes_max = 16;
constexpr std::size_t changes_bytes_max = 16u << 10;
constexpr std::size_t names_max = 100;
constexpr std::int64_t batch_most = 100;  // as many as a page has
/// Of the texts in one message, which has at most limits::sent_payload_bytes_max. An event alone
/// may have more.
constexpr std::size_t batch_bytes_max = 128u << 10;

Result<Json> read_topics(const Json& payload, std::size_t least) {
  auto topics = payload.is_object() ? payload.value("topics", Json()) : Json();
  if (!topics.is_array() || topics.size() < least || topics.size() > topics_max) {
    return bad_member("/topics", "required",
                      fmt::format("is a list of {} to {} patterns", least, topics_max));
  }
  for (const auto& topic : topics) {
    if (!topic.is_string()) return bad_member("/topics", "type", "is a list of patterns");
    PERDURE_TRY_VOID(validate_topic_pattern(topic.get_ref<const std::string&>()));
  }
  return topics;
}

/// The target's command, and how events come to it. Members that are not given stay.
Result<void> read_manner(Json& self, const Json& payload) {
  PERDURE_TRY(command, text_member(payload, "command", self.value("command", ""), 200));
  if (command.empty()) return bad_member("/command", "required", "is the target's command");
  const auto before = self.value("batch_max", std::int64_t{0});
  PERDURE_TRY(batch_max, whole_member(payload, "batch_max", before, 1, batch_most));
  const auto by_name = payload.value("by_name", self.value("by_name", Json::array()));
  const bool are_names = by_name.is_array() && by_name.size() <= names_max &&
                         std::ranges::all_of(by_name, [](const Json& n) { return n.is_string(); });
  if (!are_names) return bad_member("/by_name", "type", "is a list of first parts of topics");
  self["command"] = command;
  if (batch_max != 0) self["batch_max"] = batch_max;
  if (!by_name.empty()) self["by_name"] = by_name;
  return {};
}

Result<Json> subscribe(Turn&, Json& self, const Json& payload) {
  if (!payload.is_object()) return bad_member("", "type", "a subscription is an object");
  PERDURE_TRY(topics, read_topics(payload, 1));
  PERDURE_TRY(kind, text_member(payload, "kind", "", 200));
  PERDURE_TRY(id, text_member(payload, "id", "", 200));
  PERDURE_TRY(after, text_member(payload, "after", "0", 200));
  if (!validate(ObjectId{kind, id})) return bad_member("/id", "required", "names no object");
  Json made{{"topics", topics}, {"kind", kind}, {"id", id}, {"cursor", after}};
  PERDURE_TRY_VOID(read_manner(made, payload));
  self = std::move(made);
  return self;
}

/// What holds at a place in the log: `{topics, until}`, without `until` when it has no end.
Json topics_at(const Json& self, const std::string& cursor) {
  for (const auto& earlier : self.value("earlier", Json::array())) {
    const auto until = earlier.at("until").get<std::string_view>();
    if (position_of(until) > position_of(cursor)) return earlier;
  }
  return {{"topics", self.at("topics")}};
}

/// Sends events, which are JSON texts, to the target as its subscription wants them.
void send_on(Turn& turn, const Json& self, const Json& events) {
  const ObjectId target{self.at("kind"), self.at("id")};
  const auto send = [&](Json payload) {
    turn.send({.to = target, .command = self.at("command"), .payload = std::move(payload)});
  };
  const auto batch_max = self.value("batch_max", std::size_t{0});
  if (batch_max == 0) {
    for (const auto& event : events) send(Json::parse(event.get_ref<const std::string&>()));
    return;
  }
  auto batch = Json::array();
  std::size_t bytes = 0;
  const auto send_batch = [&] {
    if (!batch.empty()) send({{"events", std::exchange(batch, Json::array())}});
    bytes = 0;
  };
  for (const auto& event : events) {
    const auto size = serialized_size(event);
    if (batch.size() >= batch_max || bytes + size > batch_bytes_max) send_batch();
    bytes += size;
    batch.push_back(event);
  }
  send_batch();
}

/// `{from, at, topics, to, events, lost}`: nothing when the cursor, or what is wanted after `at`,
/// has changed meanwhile.
void pass_on_turn(Turn& turn, Json& self, const Json& batch) {
  if (self.contains("paused") || self.at("cursor") != batch.at("from") ||
      topics_at(self, batch.at("at")) != batch.at("topics")) {
    return turn.change_nothing();
  }
  if (batch.at("lost").get<bool>()) self["lost_at"] = format_rfc3339(turn.now());
  send_on(turn, self, batch.at("events"));
  self["cursor"] = batch.at("to");
  if (!self.contains("earlier")) return;
  std::erase_if(self["earlier"].get_ref<Json::array_t&>(), [&](const Json& topics) {
    return position_of(topics.at("until").get<std::string_view>()) <=
           position_of(self["cursor"].get<std::string_view>());
  });
}

void pause(Turn& turn, Json& self) {
  if (self.contains("paused")) return turn.change_nothing();
  self["paused"] = true;
}

void resume(Turn& turn, Json& self) {
  if (self.erase("paused") == 0) turn.change_nothing();
}

Result<Json> change(Turn&, Json& self, const Json& payload) {
  PERDURE_TRY(topics, read_topics(payload, 0));
  PERDURE_TRY(from, text_member(payload, "from", "", 200));
  PERDURE_TRY_VOID(read_manner(self, payload));
  auto earlier = self.value("earlier", Json::array());
  if (from.empty()) {
    earlier.clear();
  } else if (position_of(from) > position_of(self.at("cursor").get<std::string_view>())) {
    earlier.push_back({{"topics", self.at("topics")}, {"until", from}});
    const bool fits =
        earlier.size() <= changes_max && serialized_size(earlier) <= changes_bytes_max;
    if (!fits) earlier.clear();
  } else {
    earlier.clear();
    self["cursor"] = from;
  }
  self["topics"] = std::move(topics);
  self["earlier"] = std::move(earlier);
  return self;
}

}  // namespace

Kind subscription_kind() {
  return kind<Json>(std::string{subscription_kind_name})
      .reach(Reach::system)  // it calls what it is told to, as the host
      .command("subscribe", subscribe, {.creates = Creates::yes, .callers = Callers::host})
      .command("change", change, {.callers = Callers::host})
      .command("pause", pause, {.callers = Callers::host})
      .command("resume", resume, {.callers = Callers::host})
      .command("pass_on", pass_on_turn, {.callers = Callers::messages})
      .check_state(made_by_the_host)
      .index({.name = "created_at", .fields = {"$created_at"}});
}

}  // namespace perdure::runtime
