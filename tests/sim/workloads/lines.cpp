// SPDX-License-Identifier: Apache-2.0
// Waiting lines kept in entries: who joins, jumps in and is taken leaves erased entries everywhere,
// and each turn still sees exactly those that wait. The root holds the same keys as the entries.
#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t lines = 3;
constexpr std::uint64_t places = 60;
constexpr const char* prefix = "line/";

struct Line {
  std::set<std::string> keys;
  bool leads = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Line, keys, leads)

ObjectId line(std::size_t number) { return {"line", "l" + std::to_string(number % lines)}; }

class Lines final : public perdure::testing::Workload {
 public:
  explicit Lines(std::size_t clients) : deeds_(250, 2 * clients) {}

  std::vector<Kind> kinds() override {
    const auto on_line = [](auto step) {
      return [step](Turn& turn, Line& self, const Json& payload) {
        step(turn, self, payload);
        if (turn.random().next() % 3 == 0) look(turn, self);
      };
    };
    return {
        kind<Line>("line")
            .command("join", on_line([](Turn& turn, Line& self, const Json& key) {
                       turn.entries().put(key.get<std::string>(), "waits");
                       self.keys.insert(key.get<std::string>());
                     }))
            .command("take", on_line([](Turn& turn, Line& self, const Json&) { take(turn, self); }))
            // Only one line leads: what the others put into theirs is refused by the store.
            .command("lead", on_line([](Turn& turn, Line& self, const Json& key) {
                       turn.claim("line.lead", "the one");
                       turn.entries().put(key.get<std::string>(), "leads");
                       self.keys.insert(key.get<std::string>());
                       self.leads = true;
                     }))
            .command("follow", on_line([](Turn& turn, Line& self, const Json&) {
                       if (self.leads) turn.release("line.lead", "the one");
                       self.leads = false;
                     }))};
  }
  void setup() override { transactions_.emplace(world()); }

  void step() override {
    transactions_->step();
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto key = prefix + std::to_string(100 + chance().below(places));
    if (chance().one_in(10)) {
      return transactions_->begin(
          [this, number, key](ReplyHandler done) {
            world().runtime().transact(
                {{line(number), "take", nullptr}, {line(number + 1), "join", key}},
                {.idempotency_key = "line-" + std::to_string(number)}, std::move(done));
          },
          [this, number](const Reply&) { deeds_.end(number); });
    }
    const std::vector<std::string> commands{"join", "join", "take", "take", "lead", "follow"};
    request({.target = line(chance().below(lines)),
             .name = chance().pick(commands),
             .payload = key,
             .idempotency_key = "line-" + std::to_string(number)},
            [this, number](const Result<Reply>& reply) {
              deeds_.end(number);
              expect(reply || reply.error().code != ErrorCode::internal,
                     reply ? "" : reply.error().detail);
            });
  }
  bool finished() override { return deeds_.done(); }
  std::string state() override { return deeds_.state(); }

  void check() override {
    for (std::size_t i = 0; i < lines; ++i) {
      const auto view = world().runtime().inspect(line(i));
      if (!view) continue;
      const auto rows = world().runtime().entries(line(i), EntryRange::prefix(prefix));
      std::set<std::string> stored;
      for (const auto& row : rows.value()) stored.insert(row.key);
      expect(stored == view->state.get<Line>().keys, line(i).id + " has lost or kept an entry");
    }
  }

 private:
  /// An answer that gets out, and not a failed expectation: a turn on a store that is opened again
  /// beneath it may see anything, for nothing of it will be committed or told.
  static void require(bool holds, std::string what) {
    if (!holds) throw Failure{Error{.code = ErrorCode::internal, .detail = std::move(what)}};
  }

  static void take(Turn& turn, Line& self) {
    const auto first = turn.entries().range(EntryRange::prefix(prefix, Order::ascending, 1));
    require(first.empty() == self.keys.empty(), "a line seems empty, or seems not to be");
    if (first.empty() || self.keys.empty()) return;
    require(first.front().key == *self.keys.begin(),
            "the wrong one is first: " + first.front().key);
    turn.entries().erase(first.front().key);
    self.keys.erase(first.front().key);
  }

  static void look(Turn& turn, const Line& self) {
    auto range = EntryRange::prefix(prefix, Order::ascending, 1 + turn.random().next() % 5);
    range.from += std::to_string(100 + turn.random().next() % places);
    auto expected = self.keys.lower_bound(range.from);
    const auto rows = turn.entries().range(range);
    for (const auto& row : rows) {
      require(expected != self.keys.end() && row.key == *expected++,
              "seen and not there: " + row.key);
    }
    require(rows.size() == range.limit || expected == self.keys.end(), "there and not seen");
  }

  Deeds deeds_;
  std::optional<Insistent> transactions_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_lines(std::size_t clients) {
  return std::make_unique<Lines>(clients);
}

}  // namespace perdure::sim
