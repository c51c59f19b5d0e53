// SPDX-License-Identifier: Apache-2.0
// Peers that send each other numbered messages, and ask for answers: each takes effect once, in the
// order of its pair, and is answered once.
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t peers = 4;

struct Peer {
  std::map<std::string, int> sent;      ///< by receiver
  std::map<std::string, int> heard;     ///< the number of the last one, by sender
  std::map<std::string, int> answered;  ///< by receiver
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Peer, sent, heard, answered)

ObjectId peer(std::size_t number) { return {"peer", "q" + std::to_string(number % peers)}; }

class Pairs final : public perdure::testing::Workload {
 public:
  explicit Pairs(std::size_t clients) : deeds_(50, clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Peer>("peer")
                .command("poke",
                         [](Turn& turn, Peer& self, const Json& pokes) {
                           for (const auto& to : pokes) {
                             const auto number = ++self.sent[to];
                             turn.send({.to = {"peer", to},
                                        .command = "hear",
                                        .payload = {{"from", turn.object().id}, {"number", number}},
                                        .then = "answered",
                                        .context = {{"to", to}, {"number", number}}});
                           }
                         })
                .command("hear",
                         [this](Turn& turn, Peer& self, const Json& message) {
                           auto& heard = self.heard[message.at("from")];
                           expect(message.at("number") == heard + 1,
                                  turn.object().id + " hears " + message.dump() + " after " +
                                      std::to_string(heard));
                           heard = message.at("number");
                           return heard;
                         })
                .command("answered", [this](Turn& turn, Peer& self, const Json& answer) {
                  const auto& context = answer.at("context");
                  expect(answer.contains("reply") && answer.at("reply") == context.at("number"),
                         turn.object().id + " is answered " + answer.dump());
                  ++self.answered[context.at("to")];
                })};
  }

  void step() override {
    if (!deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    Json to = Json::array();
    for (auto left = 1 + chance().below(3); left > 0; --left) {
      to.push_back(peer(chance().below(peers)).id);
    }
    request({.target = peer(chance().below(peers)),
             .name = "poke",
             .payload = std::move(to),
             .idempotency_key = "poke-" + std::to_string(number)},
            [this, number](const auto&) { deeds_.end(number); });
  }
  bool finished() override { return deeds_.done(); }
  std::string state() override { return deeds_.state(); }

  void check() override {
    std::map<std::string, Peer> all;
    for (std::size_t i = 0; i < peers; ++i) {
      const auto view = world().runtime().inspect(peer(i));
      all[peer(i).id] = view ? view->state.get<Peer>() : Peer{};
    }
    for (const auto& [from, self] : all) {
      expect(self.answered == self.sent, from + " sent " + Json(self.sent).dump() +
                                             ", answered are " + Json(self.answered).dump());
      for (const auto& [to, count] : self.sent) {
        expect(all.at(to).heard[from] == count,
               to + " did not hear all of " + std::to_string(count) + " from " + from);
      }
    }
  }

 private:
  Deeds deeds_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_pairs(std::size_t clients) {
  return std::make_unique<Pairs>(clients);
}

}  // namespace perdure::sim
