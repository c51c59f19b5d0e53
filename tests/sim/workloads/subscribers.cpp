// SPDX-License-Identifier: Apache-2.0
// Handlers in C++ that hear of events, refuse, throw, and are subscribed again: each is handed
// every event of its topics in the log's order, again only what was under way, and its durable
// cursor is never ahead of what it has handled.
#include <algorithm>
#include <map>
#include <stdexcept>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t stations = 3;
constexpr auto music = "radio.music";
constexpr auto news = "radio.news";

struct Station {
  std::map<std::string, int> sent;  ///< by topic
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Station, sent)

ObjectId station(std::size_t number) { return {"station", "s" + std::to_string(number)}; }

using Line = std::pair<std::string, std::string>;  ///< of events: station and topic
using Heard = std::map<Line, int>;                 ///< numbers of the last ones

struct Listener {
  std::string name;
  std::vector<std::string> topics;
  std::size_t batch_max;
  std::unique_ptr<Subscriber> subscriber = {};
  Heard heard = {};
  std::string cursor = {};           ///< of the last event that it has handled
  std::uint64_t position = 0;        ///< of that event
  std::uint64_t batch_begin = 0;     ///< of the first event that was handled with it
  bool begins = true;                ///< it has handled nothing since it was subscribed
  std::uint64_t refused = 0;         ///< the first event of the batch that it refused last
  std::set<Line> gaps_allowed = {};  ///< whose next event may be any later one
  bool lost = false;
};

class Subscribers final : public perdure::testing::Workload {
 public:
  explicit Subscribers(std::size_t clients) : deeds_(60, clients) {
    listeners_.push_back({.name = "all", .topics = {"radio.**"}, .batch_max = 7});
    listeners_.push_back({.name = "news", .topics = {news}, .batch_max = 1});
  }

  std::vector<Kind> kinds() override {
    return {
        kind<Station>("station").command("send", [](Turn& turn, Station& self, const Json& topics) {
          for (const auto& topic : topics) {
            turn.publish(topic, ++self.sent[topic]);
          }
        })};
  }

  void setup() override {
    const auto end = world().runtime().events_end();
    expect(end.has_value(), "the log has no end");
    for (auto& listener : listeners_) listener.cursor = end.value();
    beginning_ = end.value();
    world().on_start([this] {
      for (auto& listener : listeners_) subscribe(listener);
    });
  }

  void step() override {
    for (auto& listener : listeners_) {
      if (!listener.subscriber || chance().one_in(200)) subscribe(listener);
      compare_cursor(listener);
    }
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    Json topics = Json::array();
    for (auto left = 1 + chance().below(3); left > 0; --left) {
      topics.push_back(chance().one_in(8) ? news : music);
    }
    request({.target = station(chance().below(stations)),
             .name = "send",
             .payload = std::move(topics),
             .idempotency_key = "send-" + std::to_string(number)},
            [this, number](const auto&) { deeds_.end(number); });
  }

  bool finished() override {
    if (!deeds_.done()) return false;
    return std::ranges::all_of(listeners_, [this](const auto& listener) {
      return (listener.lost || listener.heard == all_sent(listener)) &&
             durable_position(listener) >= listener.position;
    });
  }
  std::string state() override {
    auto text = deeds_.state();
    for (const auto& listener : listeners_) {
      text += "; " + listener.name + " has handled all up to " + listener.cursor + ", durable is " +
              std::to_string(durable_position(listener));
      if (listener.subscriber) text += " " + listener.subscriber->state().error;
    }
    return text;
  }

  void check() override {
    for (auto& listener : listeners_) compare_cursor(listener);
  }

 private:
  /// As a part of a host does that is started, or started again.
  void subscribe(Listener& listener) {
    listener.subscriber.reset();
    listener.begins = true;
    listener.refused = 0;
    auto subscribed = world().runtime().subscribe(
        {.name = listener.name,
         .topics = listener.topics,
         .from = beginning_,
         .batch_max = listener.batch_max,
         .retry = {.backoff = Milliseconds{20}, .ceiling = Milliseconds{200}}},
        [this, &listener](const EventBatch& batch) { return handle(listener, batch); });
    // A disk that fails may have refused to say whether the topics can be read: later, then.
    if (subscribed) listener.subscriber = std::move(*subscribed);
  }

  Result<void> handle(Listener& listener, const EventBatch& batch) {
    if (batch.lost) {
      listener.lost = true;
      for (std::size_t i = 0; i < stations; ++i) {
        for (const auto* topic : {music, news}) listener.gaps_allowed.emplace(station(i).id, topic);
      }
    }
    const auto begin = batch.events.empty() ? 0 : batch.events.front()->position;
    if (!batch.lost && begin > 0) compare_begin(listener, begin);
    auto heard = listener.heard;
    auto gaps_allowed = listener.gaps_allowed;
    auto position = begin == 0 ? 0 : begin - 1;
    for (const auto& event : batch.events) {
      expect(event->position > position, listener.name + " is handed events out of order");
      position = event->position;
      if (position > listener.position) hear(listener, *event, heard, gaps_allowed);
    }
    listener.refused = begin;
    if (chance().one_in(8)) throw std::runtime_error{"a bad day"};
    if (chance().one_in(6)) return fail(ErrorCode::unavailable, "not now");
    listener.refused = 0;
    listener.heard = std::move(heard);
    listener.gaps_allowed = std::move(gaps_allowed);
    if (batch.events.empty()) return {};  // what was under way may come after a gap
    listener.begins = false;
    listener.cursor = batch.events.back()->cursor;
    listener.batch_begin = begin;
    listener.position = position;
    return {};
  }

  void compare_begin(const Listener& listener, std::uint64_t begin) {
    const auto text = listener.name + " is handed event " + std::to_string(begin);
    if (listener.refused > 0) {
      expect(begin == listener.refused,
             text + " after it refused a batch from " + std::to_string(listener.refused) + " on");
    } else if (listener.begins) {
      expect(begin > listener.position || begin >= listener.batch_begin,
             text + " again, but only what was under way may come again: from " +
                 std::to_string(listener.batch_begin) + " on");
    } else {
      expect(begin > listener.position,
             text + " after it has handled " + std::to_string(listener.position));
    }
  }

  void hear(const Listener& listener, const Event& event, Heard& heard,
            std::set<Line>& gaps_allowed) {
    const Line line{event.source.id, event.topic};
    const auto number = Json::parse(event.body).at("data").get<int>();
    auto& last = heard[line];
    const bool gap_allowed = gaps_allowed.erase(line) > 0;
    expect(number == last + 1 || (gap_allowed && number > last),
           listener.name + " hears event " + std::to_string(number) + " of " + event.topic +
               " of " + line.first + " after " + std::to_string(last));
    last = number;
  }

  /// What a restart would begin with is not behind anything that has not been handled.
  void compare_cursor(const Listener& listener) {
    const auto durable = durable_position(listener);
    const auto page = world().runtime().read_events(
        {.after = listener.cursor, .topics = listener.topics, .limit = 1});
    if (!page || page->lost || page->events.empty()) return;
    const auto next = page->events.front()->position;
    expect(durable < next, listener.name + " has not handled event " + std::to_string(next) +
                               ", but its durable cursor is " + std::to_string(durable));
  }

  std::uint64_t durable_position(const Listener& listener) {
    const auto view = world().runtime().inspect({"subscriber", listener.name});
    if (!view) return 0;
    const auto cursor = view->state.at("cursor").get<std::string>();
    return std::stoull(cursor.substr(cursor.find('-') + 1));
  }

  Heard all_sent(const Listener& listener) {
    Heard all;
    for (std::size_t i = 0; i < stations; ++i) {
      const auto view = world().runtime().inspect(station(i));
      if (!view) continue;
      for (const auto& [topic, count] : view->state.get<Station>().sent) {
        if (topic_matches(listener.topics.front(), topic)) all[{station(i).id, topic}] = count;
      }
    }
    return all;
  }

  std::string beginning_;
  std::vector<Listener> listeners_;  ///< handlers refer to them
  Deeds deeds_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_subscribers(std::size_t clients) {
  return std::make_unique<Subscribers>(clients);
}

}  // namespace perdure::sim
