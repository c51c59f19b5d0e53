// SPDX-License-Identifier: Apache-2.0
// Clients: each works on one object of its own, keeps a model of it, and retries every command with
// its idempotency key until it is acknowledged.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "simulation.hpp"

namespace perdure::sim {

[[nodiscard]] std::vector<Kind> simulated_kinds();

/// Lines by key, and a title: what the object should be.
struct Model {
  std::string title;
  std::map<std::string, std::string> lines;
  bool operator==(const Model&) const = default;
};

class Client {
 public:
  Client(World& world, std::size_t number, std::size_t commands);

  /// Sends a command (up to three run at once), sends lost ones again, or asks.
  void step();
  [[nodiscard]] bool done() const { return acknowledged_ == commands_; }

  /// When all is acknowledged: state, entries, past and counter are as the model says.
  void check_at_rest();
  [[nodiscard]] const Model& model() const { return acknowledged_model_; }
  [[nodiscard]] const ObjectId& box() const { return box_; }

 private:
  struct Sent {
    std::size_t number;  ///< of the command; its key
    Json payload;
    std::uint64_t life;    ///< in which it was sent last
    std::uint64_t epoch;   ///< of the store, then
    bool refused = false;  ///< answered, but it may not have happened: to be sent again
    bool answered = false;
    Model after;  ///< the model when it has run
  };

  void send_next();
  void send(Sent& sent);
  void ask();
  void receive(std::size_t number, const Result<Reply>& reply);
  [[nodiscard]] Json invent(Model& model);
  void check_past(Seq seq, const Model& model);

  World& world_;
  const ObjectId box_;
  const std::size_t commands_;
  std::size_t next_ = 0;
  std::size_t acknowledged_ = 0;  ///< commands, in order from the first
  std::deque<Sent> sent_;         ///< in order; answered ones leave from the front
  Model newest_model_;            ///< with all that was sent
  Model acknowledged_model_;
  std::map<Seq, Model> past_;  ///< by the seq of the acknowledged reply
  bool asking_ = false;
};

}  // namespace perdure::sim
