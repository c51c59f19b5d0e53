// SPDX-License-Identifier: Apache-2.0
// Network: what is between clients and the server's gateway. Requests and replies are lost, late,
// come twice and overtake each other, as the weather is; a crash of the server cuts what is on its
// way back. The client at its end does what a good one does: it sends a command again, with its
// idempotency key, until it is told what came of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "perdure/base/time.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/testing/chance.hpp"

namespace perdure::testing {

class World;

/// How the network treats each message. Times are of the simulated clock.
struct Weather {
  std::uint64_t lost_one_in = 0;   ///< messages; 0: none is lost
  std::uint64_t twice_one_in = 0;  ///< messages that arrive twice, at times of their own
  Milliseconds delay_max{0};       ///< late by up to this, each message by itself: so they overtake
};

/// Threads  that of its world.
class Network {
 public:
  Network(World& world, std::uint64_t seed, std::shared_ptr<Trace> trace);

  [[nodiscard]] const Weather& weather() const { return weather_; }
  void set_weather(const Weather& weather) { weather_ = weather; }

  /// Sends a call over the network. A command without an idempotency key is given one.
  ///
  /// Returns  at once; `done` is called once, when an answer that settles it has come: a reply, or
  ///          an error other than overloaded, unavailable, outcome_unknown, stale_epoch and
  ///          deadline_exceeded, after which the client sends again, as it does after silence.
  /// Errors   two different replies to one idempotency key are a failure of the world.
  void request(Call call, ReplyHandler done);

  /// Delivers one message whose time has come, or sends again what was not answered in time.
  /// False when there is nothing to do before time passes.
  bool step();
  /// When `step` has something to do again (monotonic); the largest time: never.
  [[nodiscard]] Milliseconds next() const;
  /// Requests that have not been settled.
  [[nodiscard]] std::size_t open_requests() const { return requests_.size(); }
  /// The server has stopped: connections break.
  void cut();
  /// Forgets everything: nobody hears of anything any more.
  void clear();

 private:
  struct Request {
    Call call;
    ReplyHandler done;
    int attempt = 0;
    Milliseconds again_at{0};  ///< when it is sent once more
  };
  struct Message {
    std::uint64_t request;
    std::shared_ptr<const Call> call;              ///< on its way to the server; null: a reply
    std::shared_ptr<const Result<Reply>> reply{};  // shared by its doubles
  };

  void send(std::uint64_t number);
  void put_on_wire(Message message);
  void deliver(const Message& message);
  void arrive(std::uint64_t number, const Result<Reply>& reply);
  void remember(const Call& call, const Reply& reply);

  World& world_;
  Chance chance_;
  Weather weather_;
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Request> requests_;
  std::multimap<Milliseconds, Message> wire_;  ///< by time of arrival (monotonic)
  std::set<std::pair<Milliseconds, std::uint64_t>> timers_;
  std::map<std::uint64_t, Call> sent_;           ///< all that had a key, for late replies
  std::map<std::string, std::string> answered_;  ///< replies by idempotency key
};

}  // namespace perdure::testing
