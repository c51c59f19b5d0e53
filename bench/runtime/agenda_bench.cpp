// SPDX-License-Identifier: Apache-2.0
// Objects that act by themselves: messages beside plain commits, alarms with a million pending, and
// the way of an event from a call to a reader.
//
//   bench_agenda DIRECTORY [pending alarms]
#include <thread>

#include "load.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t objects = 10'000;

/// Waits for something that is counted elsewhere.
class Arrivals {
 public:
  /// Expects so many, the first of them after `delay`.
  void begin(std::size_t expected, Milliseconds delay = Milliseconds{0}) {
    const std::scoped_lock lock{mutex_};
    left_ = expected;
    began_ = SteadyClock::now() + delay;
  }
  void one() {
    const std::scoped_lock lock{mutex_};
    if (left_ > 0 && --left_ == 0) changed_.notify_all();
  }
  /// Gives how many came per second, of `expected`.
  double rate_of(std::size_t expected) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return left_ == 0; });
    const std::chrono::duration<double> seconds = SteadyClock::now() - began_;
    return static_cast<double>(expected) / seconds.count();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t left_ = 0;
  SteadyClock::time_point began_;
};

Arrivals heard;
std::mutex lateness_mutex;
std::vector<double> lateness_ms;

struct Node {
  std::int64_t turns = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Node, turns)

std::string node_name(std::size_t number) { return fmt::format("node-{}", number % objects); }

/// Passes a token on to another node until it has made its hops.
void pass_on(Turn& turn, Node& self, const Json& token) {
  ++self.turns;
  const auto hops = token.at("hops").get<std::int64_t>();
  if (hops == 0) return;
  const auto next = token.at("next").get<std::size_t>();
  turn.send({.to = {"node", node_name(next)},
             .command = "hear",
             .payload = {{"hops", hops - 1}, {"next", next * 31 + 7 + turn.object().id.size()}}});
}

/// When its handler begins: so late is the alarm.
void note_lateness(std::int64_t due_ms) {
  const std::chrono::duration<double, std::milli> now =
      std::chrono::system_clock::now().time_since_epoch();
  const std::scoped_lock lock{lateness_mutex};
  lateness_ms.push_back(now.count() - static_cast<double>(due_ms));
}

Kind node() {
  return kind<Node>("node")
      .command("pass", pass_on)
      .command("hear",
               [](Turn& turn, Node& self, const Json& token) {
                 pass_on(turn, self, token);
                 heard.one();
               })
      .command("arm",
               [](Turn& turn, Node&, const Json& alarms) {
                 const auto count = alarms.at("count").get<int>();
                 const auto first = from_unix_ms(alarms.at("at").get<std::int64_t>());
                 for (int i = 0; i < count; ++i) {
                   const auto due = first + Milliseconds{alarms.at("step_ms").get<int>() * i};
                   turn.set_alarm({.name = fmt::format("alarm-{}", i),
                                   .command = "ring",
                                   .payload = to_unix_ms(due),
                                   .schedule = Schedule::once(due)});
                 }
               })
      .command("ring",
               [](Turn&, Node& self, const Json& due_ms) {
                 ++self.turns;
                 note_lateness(due_ms.get<std::int64_t>());
                 heard.one();
               })
      .command("tell", [](Turn& turn, Node& self) {
        turn.publish("node.told", SteadyClock::now().time_since_epoch().count());
        return ++self.turns;
      });
}

Call of_node(std::size_t number, std::string command, Json payload = nullptr) {
  return {.target = {"node", node_name(number)},
          .name = std::move(command),
          .payload = std::move(payload)};
}

double at_share(std::vector<double>& values, double share) {
  const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + place);
  return values[static_cast<std::size_t>(place)];
}

/// 64 tokens go round: each message's turn sends the next message, so that messages and plain
/// commits are compared with the same number in flight.
void measure_messages(Runtime& runtime) {
  constexpr std::size_t hops = 1'000;
  std::vector<double> commits;
  std::vector<double> messages;
  std::vector<double> shares;
  for (int round = 0; round < rounds; ++round) {
    commits.push_back(rate(runtime, in_flight * hops, [](std::size_t i) {
      return add(fmt::format("warm-{}", i * 7919 % objects));
    }));
    heard.begin(in_flight * hops);
    for (std::size_t i = 0; i < in_flight; ++i) {
      runtime.call(of_node(i, "pass", {{"hops", hops}, {"next", i * 131 + 1}}),
                   [](const Result<Reply>&) {});
    }
    messages.push_back(heard.rate_of(in_flight * hops));
    shares.push_back(messages.back() / commits.back());
  }
  fmt::print("{:<44} {:>9.0f}/s\n", "plain commits over 10,000 objects", at_share(commits, 0.5));
  fmt::print("{:<44} {:>9.0f}/s  {:.0f} % of plain commits\n", "messages between 10,000 objects",
             at_share(messages, 0.5), 100 * at_share(shares, 0.5));
}

void arm(Runtime& runtime, std::size_t of_objects, int count, std::int64_t at_ms, int step_ms,
         int spread_ms) {
  rate(runtime, of_objects, [&](std::size_t i) {
    const auto at = at_ms + static_cast<std::int64_t>(i * 7919 % objects) * spread_ms /
                                static_cast<std::int64_t>(objects);
    return of_node(i, "arm", {{"count", count}, {"at", at}, {"step_ms", step_ms}});
  });
}

std::int64_t in_ms(std::int64_t delay) {
  return to_unix_ms(std::chrono::floor<Milliseconds>(std::chrono::system_clock::now())) + delay;
}

constexpr int ahead_ms = 5'000;  ///< enough to set them all

/// The pending ones stay pending: what is measured are others, of the same objects.
void measure_alarms(Runtime& runtime, std::size_t pending) {
  static constexpr int each = 100;
  const auto holders = pending / each;
  fmt::print("{:<44} {:>9}\n", "alarms pending", holders * each);
  rate(runtime, holders, [](std::size_t i) {
    return Call{.target = {"node", fmt::format("holder-{}", i)},
                .name = "arm",
                .payload = {{"count", each}, {"at", in_ms(86'400'000)}, {"step_ms", 1'000}}};
  });
  // All at once: how many go off in a second.
  std::vector<double> rates;
  for (int round = 0; round < rounds; ++round) {
    heard.begin(2 * objects, Milliseconds{ahead_ms});
    arm(runtime, objects, 2, in_ms(ahead_ms), 0, 0);
    rates.push_back(heard.rate_of(2 * objects));
  }
  fmt::print("{:<44} {:>9.0f}/s\n", "alarms due at once, gone off", at_share(rates, 0.5));
  // 1,000 a second for ten seconds: how late each is.
  {
    const std::scoped_lock lock{lateness_mutex};
    lateness_ms.clear();
  }
  heard.begin(objects);
  arm(runtime, objects, 1, in_ms(ahead_ms), 0, 10'000);
  heard.rate_of(objects);
  const std::scoped_lock lock{lateness_mutex};
  fmt::print("{:<44} p50 {:.1f} ms, p99 {:.1f} ms\n", "lateness at 1,000 alarms a second",
             at_share(lateness_ms, 0.5), at_share(lateness_ms, 0.99));
}

/// From before the call that publishes until a reader has the event: `count` events, at most
/// `calls` of them on their way.
void measure_events(Runtime& runtime, std::string_view what, std::size_t count,
                    Milliseconds pause) {
  std::mutex mutex;
  std::condition_variable changed;
  bool more = false;
  const auto watch = runtime.watch_events([&] {
    const std::scoped_lock lock{mutex};
    more = true;
    changed.notify_one();
  });
  std::vector<double> delays_us;
  std::thread reader{[&, after = runtime.events_end()]() mutable {
    EventQuery query{.after = *after, .topics = {"node.told"}};
    while (delays_us.size() < count) {
      const auto page = runtime.read_events(query);
      if (!page) break;
      const auto now = SteadyClock::now();
      for (const auto& event : page->events) {
        const auto sent = Json::parse(event->body).at("data").get<SteadyClock::rep>();
        const std::chrono::duration<double, std::micro> delay =
            now - SteadyClock::time_point{SteadyClock::duration{sent}};
        delays_us.push_back(delay.count());
      }
      query.after = page->next;
      if (!page->at_end) continue;
      std::unique_lock lock{mutex};
      changed.wait_for(lock, std::chrono::seconds{1}, [&] { return more; });
      more = false;
    }
  }};
  if (pause.count() == 0) {
    rate(runtime, count, [](std::size_t i) { return of_node(i, "tell"); });
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      static_cast<void>(runtime.call(of_node(i, "tell")).get());
      std::this_thread::sleep_for(pause);
    }
  }
  reader.join();
  fmt::print("{:<44} p50 {:.2f} ms, p99 {:.2f} ms\n", what, at_share(delays_us, 0.5) / 1'000,
             at_share(delays_us, 0.99) / 1'000);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_agenda DIRECTORY [pending alarms]\n");
    return 2;
  }
  const auto opened = bench::open(argv[1], {counter(), node()});
  auto& runtime = *opened;
  measure_messages(runtime);
  measure_events(runtime, "event published to read, one at a time", 2'000, Milliseconds{1});
  measure_events(runtime, "event published to read, 64 in flight", 100'000, Milliseconds{0});
  measure_alarms(runtime, argc > 2 ? std::stoul(argv[2]) : 1'000'000);
  return 0;
}
