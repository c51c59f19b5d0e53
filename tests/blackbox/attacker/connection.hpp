// SPDX-License-Identifier: Apache-2.0
// One connection of a group: sends its requests, reads the answers, comes back when it was closed.
#pragma once

#include <cstdint>
#include <deque>

#include "answer_reader.hpp"
#include "group.hpp"

namespace attacker {

/// Where the server listens: 127.0.0.1 and this port.
struct Target {
  std::uint16_t port = 0;
};

/// Threads: one. Lifetime: the group and the poll outlive it; it stays where it is in memory.
class Connection {
 public:
  Connection(Group& group, Target target, int poll) : group_{group}, target_{target}, poll_{poll} {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// What epoll says of the socket.
  void ready(std::uint32_t events);
  /// Time passes: opens what is closed, sends and reads what the rates allow by now.
  void tick(Clock::time_point now);
  /// Whether `tick` has to come often.
  [[nodiscard]] bool is_paced() const {
    return group_.plan.send_rate > 0 || group_.plan.read_rate > 0;
  }
  /// Gives it requests of the group, as many as it takes.
  void fill(Clock::time_point now);
  /// Counts what is open and unanswered.
  void finish(Clock::time_point now);
  /// Nothing is left to do for it.
  [[nodiscard]] bool is_done() const;

 private:
  enum class State { closed, connecting, open };

  void open(Clock::time_point now);
  void close();
  void opened();
  void closed_by_peer();
  void send();
  void read();
  bool consume(const char* data, const char* end, Clock::time_point arrived);
  void answered(Clock::time_point arrived);
  void ask_poll();
  void note_latency(Clock::time_point began, Clock::time_point now);
  [[nodiscard]] bool takes_more() const;

  struct Sending {
    const Request* request;
    std::uint64_t sent;
  };

  Group& group_;
  Target target_;
  int poll_;
  int fd_ = -1;
  State state_ = State::closed;
  Clock::time_point opens_at_ = {};
  Clock::time_point opened_at_ = {};
  AnswerReader reader_;
  std::deque<Sending> sending_;
  std::deque<Clock::time_point> asked_;  ///< when, of each request without an answer
  std::uint64_t sent_ = 0;               ///< bytes, since it was opened
  std::uint64_t received_ = 0;
  bool is_upgraded_ = false;
  bool is_write_blocked_ = false;
  std::uint32_t polled_ = 0;
};

}  // namespace attacker
