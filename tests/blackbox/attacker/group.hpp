// SPDX-License-Identifier: Apache-2.0
// What a group of like connections is told to do, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace attacker {

using Clock = std::chrono::steady_clock;

enum class Mode {
  ask,    ///< requests on connections that stay open
  fresh,  ///< a connection for each request
  hold,   ///< one request a connection, which stays open whatever comes back
  flood,  ///< the first request opens it, then the others are sent without waiting for answers
};

enum class Order {
  round,  ///< the requests again and again, until the time is up
  each,   ///< each request once
};

/// What is sent: some bytes, and then so many more that say nothing.
struct Request {
  std::string bytes;
  std::uint64_t filler = 0;
};

struct Plan {
  std::string name;
  Mode mode = Mode::ask;
  Order order = Order::round;
  std::size_t connections = 1;
  std::size_t depth = 1;   ///< requests of a connection that are under way together
  double rate = 0;         ///< requests of the group a second; 0: as fast as answers come
  std::string source;      ///< the address to connect from; empty: any
  double send_rate = 0;    ///< bytes of a connection a second; 0: as fast as they go
  double read_rate = 0;    ///< the same for reading
  int pause_ms = 20;       ///< until what was closed is opened again; none with `fresh`
  int receive_buffer = 0;  ///< SO_RCVBUF; 0: the system's own
  std::vector<Request> requests;
};

struct Outcome {
  std::map<int, std::uint64_t> answers;  ///< by status
  std::uint64_t closed = 0;              ///< connections that the server closed
  std::uint64_t refused = 0;             ///< connections that did not come about
  std::uint64_t unanswered = 0;          ///< requests whose connection was closed
  std::uint64_t pending = 0;             ///< requests without an answer at the end of the run
  std::uint64_t open = 0;                ///< connections that are open at the end of the run
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::vector<float> latencies_ms;  ///< those of pending requests are what has passed until now
};

/// A group at work. With a rate, a request is due at its time whether or not a connection is free,
/// and its latency counts from there: a server that stalls is not asked less for it. That this
/// process, of the lowest priority, was late itself does not count.
struct Group {
  Plan plan;
  Outcome outcome = {};
  std::minstd_rand random = {};
  std::size_t next = 0;                        ///< of the requests
  Clock::time_point next_due = {};             ///< with a rate
  std::deque<Clock::time_point> waiting = {};  ///< due, and not yet given to a connection

  /// Half of `pause_ms` to one and a half of it, so that many do not come back at once.
  std::chrono::milliseconds pause() {
    const auto pause = static_cast<unsigned>(plan.pause_ms);
    return std::chrono::milliseconds{pause / 2 + random() % (pause + 1)};
  }
  [[nodiscard]] bool has_more() const {
    return plan.order == Order::round || next < plan.requests.size();
  }
  const Request& take() { return plan.requests[next++ % plan.requests.size()]; }
};

}  // namespace attacker
