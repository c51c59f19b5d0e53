// SPDX-License-Identifier: Apache-2.0
// Nodes that form a ring. Transactions take a node out of its place and put it into another one; a
// token goes round in messages, to whoever is next then. The ring stays one ring, the token one.
#include <algorithm>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t nodes = 6;
constexpr std::size_t nudges = 40;

struct Node {
  std::string next;
  bool token = false;
  int passed = 0;
  int received = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Node, next, token, passed, received)

ObjectId node(std::size_t number) { return {"ring_node", "n" + std::to_string(number % nodes)}; }

class Ring final : public perdure::testing::Workload {
 public:
  explicit Ring(std::size_t clients) : inits_(nodes, nodes), nudges_(nudges, clients) {}

  std::vector<Kind> kinds() override {
    return {
        kind<Node>("ring_node")
            .command("init",
                     [](Turn&, Node& self, const Json& start) {
                       self.next = start.at("next");
                       self.token = start.at("token");
                     })
            .command("look",
                     [](Turn& turn, Node& self) {
                       turn.change_nothing();
                       return self.next;
                     })
            .command("point", [](Turn&, Node& self, const std::string& next) { self.next = next; })
            .command("nudge",
                     [](Turn& turn, Node& self) {
                       if (!self.token) return turn.change_nothing();
                       self.token = false;
                       ++self.passed;
                       turn.send({.to = {"ring_node", self.next}, .command = "take_token"});
                     })
            .command("take_token", [this](Turn& turn, Node& self) {
              expect(!self.token, turn.object().id + " has two tokens");
              self.token = true;
              ++self.received;
            })};
  }
  void setup() override { moves_.emplace(world()); }

  void step() override {
    if (inits_.can_begin()) {
      const auto number = inits_.begin();
      return request({.target = node(number),
                      .name = "init",
                      .payload = {{"next", node(number + 1).id}, {"token", number == 0}},
                      .idempotency_key = "ring-init-" + std::to_string(number)},
                     [this, number](const auto&) { inits_.end(number); });
    }
    if (!inits_.done()) return;
    moves_->step();
    if (moves_left_ > 0 && moves_->idle()) return move_node();
    if (!nudges_.can_begin()) return;
    const auto number = nudges_.begin();
    request({.target = node(chance().below(nodes)),
             .name = "nudge",
             .idempotency_key = "ring-nudge-" + std::to_string(number)},
            [this, number](const auto&) { nudges_.end(number); });
  }
  bool finished() override { return nudges_.done() && moves_left_ == 0 && moves_->idle(); }
  std::string state() override { return nudges_.state(); }

  void check() override {
    std::set<std::string> seen;
    std::string at = node(0).id;
    int tokens = 0;
    int passed = 0;
    int received = 0;
    while (seen.insert(at).second) {
      const auto view = world().runtime().inspect({"ring_node", at});
      if (!view) return expect(false, "no node " + at);
      const auto self = view->state.get<Node>();
      tokens += self.token ? 1 : 0;
      passed += self.passed;
      received += self.received;
      at = self.next;
    }
    expect(at == node(0).id && seen.size() == nodes,
           "the ring has " + std::to_string(seen.size()) + " nodes, and comes back to " + at);
    expect(tokens == 1, std::to_string(tokens) + " tokens");
    expect(passed == received, "a token was lost or doubled on its way");
  }

 private:
  /// Takes out the node after a random one, and puts it behind the one after that.
  void move_node() {
    --moves_left_;
    const auto first = node(chance().below(nodes)).id;
    std::vector<ObjectId> all;
    for (std::size_t i = 0; i < nodes; ++i) all.push_back(node(i));
    auto handler = [first](Transaction& ring) -> Result<Json> {
      const auto next_of = [&](const std::string& id) {
        return ring.call({"ring_node", id}, "look", nullptr);
      };
      PERDURE_TRY(second, next_of(first));
      PERDURE_TRY(third, next_of(second));
      PERDURE_TRY(fourth, next_of(third));
      PERDURE_TRY_VOID(ring.call({"ring_node", first}, "point", third));
      PERDURE_TRY_VOID(ring.call({"ring_node", third}, "point", second));
      PERDURE_TRY_VOID(ring.call({"ring_node", second}, "point", fourth));
      return second;
    };
    moves_->begin(
        [this, all, handler, key = "ring-move-" + std::to_string(moves_left_)](ReplyHandler done) {
          world().runtime().transact(all, handler, {.idempotency_key = key}, std::move(done));
        },
        [](const Reply&) {});
  }

  Deeds inits_;
  Deeds nudges_;
  std::size_t moves_left_ = 20;
  std::optional<Insistent> moves_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_ring(std::size_t clients) {
  return std::make_unique<Ring>(clients);
}

}  // namespace perdure::sim
