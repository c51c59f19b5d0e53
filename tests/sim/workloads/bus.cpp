// SPDX-License-Identifier: Apache-2.0
// Sources that publish numbered events, objects that subscribe to them, and readers with a cursor:
// each sees every event in commit order, without a gap or a repeat; whom retention has left behind
// is told so.
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t sources = 3;
constexpr std::size_t listeners = 2;

struct Source {
  int published = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Source, published)

struct Listener {
  std::map<std::string, int> heard;  ///< the number of the last one, by source
  int gaps = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Listener, heard, gaps)

ObjectId source(std::size_t number) { return {"source", "s" + std::to_string(number % sources)}; }
ObjectId listener(std::size_t number) { return {"listener", "l" + std::to_string(number)}; }
ObjectId subscription(std::size_t number) {
  return {"subscription", "of l" + std::to_string(number)};
}

/// Reads the log on from a cursor that it keeps, as the gateway does for a stream.
struct Reader {
  std::uint64_t pause = 1;  ///< reads once in so many steps
  std::string cursor = {};
  std::uint64_t position = 0;
  std::map<std::string, int> seen = {};
  std::set<std::string> gaps_allowed = {};  ///< sources whose next event may be any later one

  /// What it has not seen yet of some source is gone.
  [[nodiscard]] bool left_behind() const { return !gaps_allowed.empty(); }
};

class Bus final : public perdure::testing::Workload {
 public:
  explicit Bus(std::size_t clients) : subscribed_(listeners, listeners), deeds_(60, clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Source>("source").command("publish",
                                           [](Turn& turn, Source& self, const int& events) {
                                             for (int i = 0; i < events; ++i) {
                                               turn.publish("bus." + turn.object().id,
                                                            ++self.published);
                                             }
                                           }),
            kind<Listener>("listener")
                .command("hear", [this](Turn& turn, Listener& self,
                                        const Json& event) { hear(turn, self, event); })
                .command("hear_all", [this](Turn& turn, Listener& self, const Json& batch) {
                  for (const auto& event : batch.at("events")) {
                    hear(turn, self, Json::parse(event.get_ref<const std::string&>()));
                  }
                })};
  }

  /// A cursor, and not "0": that would begin with the oldest event that is kept, whatever came
  /// before.
  void setup() override {
    const auto end = world().runtime().events_end();
    expect(end.has_value(), "the log has no end");
    beginning_ = end.value();
    for (auto& reader : readers_) reader.cursor = beginning_;
  }

  void step() override {
    read();
    if (subscribed_.can_begin()) {
      const auto number = subscribed_.begin();
      Json wanted{{"topics", {"bus.*"}},
                  {"kind", "listener"},
                  {"id", listener(number).id},
                  {"command", "hear"},
                  {"after", beginning_}};
      // Every other one takes several at once.
      if (number % 2 == 1) wanted.update({{"command", "hear_all"}, {"batch_max", 3}});
      return request({.target = subscription(number),
                      .name = "subscribe",
                      .payload = std::move(wanted),
                      .idempotency_key = "subscribe-" + std::to_string(number)},
                     [this, number](const auto&) { subscribed_.end(number); });
    }
    if (!subscribed_.done() || !deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    request({.target = source(chance().below(sources)),
             .name = "publish",
             .payload = 1 + static_cast<int>(chance().below(3)),
             .idempotency_key = "publish-" + std::to_string(number)},
            [this, number](const auto&) { deeds_.end(number); });
  }

  bool finished() override {
    if (!deeds_.done()) return false;
    const auto published = all_published();
    for (const auto& reader : readers_) {
      if (reader.seen != published && !reader.left_behind()) return false;
    }
    for (std::size_t i = 0; i < listeners; ++i) {
      if (heard_by(i).heard != published && !was_lost(i)) return false;
    }
    return true;
  }
  std::string state() override {
    return deeds_.state() + "; published " + Json(all_published()).dump() + ", heard " +
           Json(heard_by(0)).dump() + ", seen " + Json(readers_.back().seen).dump();
  }

  void check() override {
    for (std::size_t i = 0; i < listeners; ++i) {
      expect(heard_by(i).gaps == 0 || was_lost(i),
             listener(i).id + " misses events, and was not told");
    }
  }

 private:
  void hear(Turn& turn, Listener& self, const Json& event) {
    auto& heard = self.heard[event.at("source")];
    const auto number = event.at("data").get<int>();
    expect(number > heard, turn.object().id + " hears event " + std::to_string(number) + " after " +
                               std::to_string(heard));
    if (number != heard + 1) ++self.gaps;
    heard = number;
  }
  void read() {
    for (auto& reader : readers_) {
      // In the end even the slow one catches up.
      if (!chance().one_in(deeds_.done() ? 2 : reader.pause)) continue;
      const auto page = world().runtime().read_events(
          {.after = reader.cursor, .topics = {"bus.*"}, .limit = 1 + chance().below(10)});
      if (!page) continue;
      if (page->lost) {
        for (std::size_t i = 0; i < sources; ++i) reader.gaps_allowed.insert(name_of(i));
      }
      for (const auto& event : page->events) see(reader, *event);
      reader.cursor = page->next;
    }
  }
  void see(Reader& reader, const Event& event) {
    expect(event.position > reader.position, "a reader sees an event again");
    reader.position = event.position;
    const auto body = Json::parse(event.body);
    const auto name = body.at("source").get<std::string>();
    const auto number = body.at("data").get<int>();
    auto& seen = reader.seen[name];
    const bool gap_allowed = reader.gaps_allowed.erase(name) > 0;
    expect(number == seen + 1 || (gap_allowed && number > seen),
           "a reader sees event " + std::to_string(number) + " of " + name + " after " +
               std::to_string(seen));
    seen = number;
  }
  static std::string name_of(std::size_t number) { return "/source/" + source(number).id; }

  std::map<std::string, int> all_published() {
    std::map<std::string, int> published;
    for (std::size_t i = 0; i < sources; ++i) {
      const auto view = world().runtime().inspect(source(i));
      if (view) published[name_of(i)] = view->state.at("published");
    }
    return published;
  }
  bool was_lost(std::size_t number) {
    const auto view = world().runtime().inspect(subscription(number));
    return view && view->state.contains("lost_at");
  }
  Listener heard_by(std::size_t number) {
    const auto view = world().runtime().inspect(listener(number));
    return view ? view->state.get<Listener>() : Listener{};
  }

  std::string beginning_;
  Deeds subscribed_;
  Deeds deeds_;
  std::vector<Reader> readers_{{.pause = 4}, {.pause = 200}};
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_bus(std::size_t clients) {
  return std::make_unique<Bus>(clients);
}

}  // namespace perdure::sim
