// SPDX-License-Identifier: Apache-2.0
// Boxes with lines, changed by several clients at the same time, and restored to earlier seqs. The
// replies say in which order the changes happened; replayed in that order, a model must agree with
// every state that anybody saw, with every seq of the past, and with what is there in the end.
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t boxes = 3;

struct Box {
  std::string title;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Box, title)

ObjectId box(std::size_t number) { return {"box", "box-" + std::to_string(number)}; }

/// Pages of three, so that pages and layers meet; then backwards at once.
Json all_lines(const View& view, const Box& self) {
  Json lines = Json::object();
  EntryRange range{.limit = 3};
  for (;;) {
    const auto rows = view.entries().range(range);
    for (const auto& row : rows) lines[row.key] = row.value;
    if (rows.size() < range.limit) break;
    range.from = rows.back().key + '\x01';
  }
  Json backwards = Json::object();
  for (const auto& row : view.entries().range({.order = Order::descending, .limit = 1'000})) {
    backwards[row.key] = row.value;
  }
  if (backwards != lines) throw std::runtime_error("the two directions differ");
  return {{"title", self.title}, {"lines", lines}};
}

class History final : public perdure::testing::Workload {
 public:
  explicit History(std::size_t clients) : deeds_(90, 2 * clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Box>("box")
                .command("change",
                         [](Turn& turn, Box& self, const Json& change) {
                           self.title = change.at("title");
                           for (const auto& [key, value] : change.at("lines").items()) {
                             if (value.is_null()) {
                               turn.entries().erase(key);
                             } else {
                               turn.entries().put(key, value.get<std::string>());
                             }
                           }
                         })
                .query("all", all_lines)};
  }

  void step() override {
    if (chance().one_in(4)) return ask();
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    const auto which = chance().below(boxes);
    const auto& told = told_[which];
    Json payload = change();
    std::string_view name = "change";
    if (!told.empty() && chance().one_in(8)) {
      auto seq = told.begin();
      std::advance(seq, static_cast<std::ptrdiff_t>(chance().below(told.size())));
      name = builtin::restore;
      payload = {{"seq", seq->first}};
    }
    request({.target = box(which),
             .name = std::string{name},
             .payload = payload,
             .idempotency_key = "box-" + std::to_string(number)},
            [this, number, which, payload](const Result<Reply>& reply) {
              deeds_.end(number);
              if (!reply) return expect(false, "refused: " + to_string(reply.error()));
              expect(told_[which].emplace(reply->meta.seq, payload).second,
                     "two commands at seq " + std::to_string(reply->meta.seq));
            });
  }
  bool finished() override { return deeds_.done() && asking_ == 0; }
  std::string state() override { return deeds_.state(); }

  void check() override {
    for (std::size_t i = 0; i < boxes; ++i) check_box(i);
  }

 private:
  struct Seen {
    std::size_t box;
    Seq seq;
    Json state;
  };

  Json change() {
    Json lines = Json::object();
    for (auto left = chance().below(4); left > 0; --left) {
      auto& line = lines["line-" + std::to_string(chance().below(12))];
      line = chance().one_in(3) ? Json(nullptr) : Json(std::to_string(chance().below(1'000)));
    }
    return {{"title", "title-" + std::to_string(chance().below(5))}, {"lines", lines}};
  }

  void ask() {
    if (asking_ > 1 || deeds_.done()) return;
    const auto which = chance().below(boxes);
    const auto& told = told_[which];
    if (told.empty()) return;
    ++asking_;
    const auto before = told.rbegin()->first;
    request({.target = box(which), .type = CallType::query, .name = "all"},
            [this, which, before](const Result<Reply>& reply) {
              --asking_;
              if (!reply) return expect(false, "not answered: " + to_string(reply.error()));
              expect(reply->meta.seq >= before, "a query sees seq " +
                                                    std::to_string(reply->meta.seq) + " after " +
                                                    std::to_string(before));
              seen_.push_back({which, reply->meta.seq, reply->value});
            });
  }

  void check_box(std::size_t which) {
    std::map<Seq, Json> models;
    Json model{{"title", ""}, {"lines", Json::object()}};
    for (const auto& [seq, payload] : told_[which]) {
      expect(seq == models.size() + 1, "no reply tells of seq " + std::to_string(seq - 1));
      if (payload.contains("seq")) {
        const auto from = models.find(payload.at("seq").get<Seq>());
        if (from == models.end()) return expect(false, "restored from nowhere");
        model = from->second;
      } else {
        model["title"] = payload.at("title");
        for (const auto& [key, value] : payload.at("lines").items()) {
          if (value.is_null()) {
            model["lines"].erase(key);
          } else {
            model["lines"][key] = value;
          }
        }
      }
      models[seq] = model;
      check_as_of(which, seq, model);
    }
    const auto now = world().runtime().inspect(box(which));
    expect(!models.empty() == now.has_value(), "a box is there without a command, or is not there");
    expect(!now || now->meta.seq == models.rbegin()->first, "a record that nobody was told of");
    for (const auto& seen : seen_) {
      if (seen.box != which) continue;
      expect(models.contains(seen.seq) && models.at(seen.seq) == seen.state,
             box(which).id + " was seen as " + seen.state.dump() + " at seq " +
                 std::to_string(seen.seq));
    }
  }

  void check_as_of(std::size_t which, Seq seq, const Json& model) {
    const auto view = world().runtime().inspect(box(which), seq);
    const auto entries = world().runtime().entries(box(which), {.limit = 1'000}, seq);
    if (!view || !entries) {
      // Only retention may have taken it.
      return expect(!view && view.error().code == ErrorCode::gone, "the past cannot be read");
    }
    Json lines = Json::object();
    for (const auto& entry : *entries) lines[entry.key] = entry.value;
    const Json past{{"title", view->state.at("title")}, {"lines", lines}};
    expect(past == model, box(which).id + " as of " + std::to_string(seq) + " is " + past.dump() +
                              ", but was " + model.dump());
  }

  Deeds deeds_;
  int asking_ = 0;
  std::map<std::size_t, std::map<Seq, Json>> told_;  ///< what happened at each seq, by box
  std::vector<Seen> seen_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_history(std::size_t clients) {
  return std::make_unique<History>(clients);
}

}  // namespace perdure::sim
