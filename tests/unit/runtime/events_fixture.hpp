// SPDX-License-Identifier: Apache-2.0
// Objects that publish, one that notes what it hears, and readers of the event log.
#pragma once

#include <vector>

#include "fixture.hpp"

namespace perdure {

struct Listener {
  std::vector<std::int64_t> heard;
  std::vector<std::size_t> batches;  ///< their sizes
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Listener, heard, batches)

inline Kind noting_kind() {
  return kind<Json>("noting").command(
      "note", [](Turn& turn, Json&, const Json& note) { turn.publish("noting.noted", note); });
}

inline Kind listener_kind() {
  return kind<Listener>("listener")
      .command("hear", [](Turn&, Listener& self,
                          const Json& event) { self.heard.push_back(event.at("data").at("by")); })
      .command("hear_all",
               [](Turn&, Listener& self, const Json& batch) {
                 for (const auto& text : batch.at("events")) {
                   const auto event = Json::parse(text.get<std::string>());
                   self.heard.push_back(event.at("data").at("by"));
                 }
                 self.batches.push_back(batch.at("events").size());
               })
      .query("heard", [](const Listener& self) { return self.heard; })
      .query("batches", [](const Listener& self) { return self.batches; });
}

class Events : public RuntimeTest {
 protected:
  explicit Events(RuntimeOptions options = {})
      : RuntimeTest({counter_kind(), noting_kind(), listener_kind()}, std::move(options)) {}

  void add(const std::string& id, std::int64_t by) { value(call("counter", id, "add", Add{by})); }
  EventPage read(EventQuery query) {
    auto page = runtime_->read_events(query);
    EXPECT_TRUE(page) << to_string(page.error());
    return page ? std::move(*page) : EventPage{};
  }
  static std::vector<std::int64_t> amounts(const EventPage& page) {
    std::vector<std::int64_t> found;
    for (const auto& event : page.events) found.push_back(Json::parse(event->body)["data"]["by"]);
    return found;
  }
};

using Amounts = std::vector<std::int64_t>;

}  // namespace perdure
