// SPDX-License-Identifier: Apache-2.0
// Groups of clients of a server on this machine, well-behaved or not, as a plan on standard input
// tells: one thread, epoll, no library, so that it costs little beside the server that is measured.
//
//   attacker PORT SECONDS CPU < plan
//
// A plan is groups: a line of `name=value` (the members of Plan, and `requests=` how many), then
// each request as a line with its size (and that of the filler that follows it, if any) and its
// bytes. It runs at the lowest priority, for SECONDS
// or until SIGTERM, or until each request of `order=each` groups was answered, and takes no more
// than CPU of a core. It prints `begun` when it begins, and at the end a line of JSON for each
// group.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <thread>

#include "connection.hpp"

namespace attacker {

namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr int lowest_priority = 19;
constexpr double seconds_max = 600;
constexpr auto tick_every = milliseconds{10};
constexpr double cpu_slack_s = 0.01;

volatile std::sig_atomic_t is_told_to_end = 0;

void die(const std::string& why) {
  std::cerr << "attacker: " << why << '\n';
  std::exit(2);
}

Mode mode_named(const std::string& name) {
  if (name == "ask") return Mode::ask;
  if (name == "fresh") return Mode::fresh;
  if (name == "hold") return Mode::hold;
  if (name == "flood") return Mode::flood;
  die("no mode " + name);
  return Mode::ask;
}

void set_member(Plan& plan, const std::string& name, const std::string& value) {
  if (name == "name")
    plan.name = value;
  else if (name == "mode")
    plan.mode = mode_named(value);
  else if (name == "order")
    plan.order = value == "each" ? Order::each : Order::round;
  else if (name == "connections")
    plan.connections = std::stoul(value);
  else if (name == "depth")
    plan.depth = std::stoul(value);
  else if (name == "rate")
    plan.rate = std::stod(value);
  else if (name == "source")
    plan.source = value;
  else if (name == "send_rate")
    plan.send_rate = std::stod(value);
  else if (name == "read_rate")
    plan.read_rate = std::stod(value);
  else if (name == "pause_ms")
    plan.pause_ms = std::stoi(value);
  else if (name == "receive_buffer")
    plan.receive_buffer = std::stoi(value);
  else if (name == "requests")
    plan.requests.resize(std::stoul(value));
  else
    die("no member " + name);
}

std::vector<Plan> read_plans(std::istream& in) {
  std::vector<Plan> plans;
  for (std::string line; std::getline(in, line);) {
    Plan plan;
    std::istringstream words{line};
    for (std::string word; words >> word;) {
      const auto at = word.find('=');
      if (at == std::string::npos) die("not name=value: " + word);
      set_member(plan, word.substr(0, at), word.substr(at + 1));
    }
    for (auto& request : plan.requests) {
      std::size_t size = 0;
      if (!std::getline(in, line)) die("a request is missing");
      std::istringstream{line} >> size >> request.filler;
      request.bytes.resize(size);
      if (!in.read(request.bytes.data(), static_cast<std::streamsize>(size))) {
        die("a request is cut off");
      }
    }
    if (plan.requests.empty()) die("a group without requests: " + plan.name);
    plans.push_back(std::move(plan));
  }
  return plans;
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// All groups of a run.
class Run {
 public:
  Run(std::vector<Plan> plans, Target target) {
    for (auto& plan : plans) {
      auto& group = *groups_.emplace_back(std::make_unique<Group>(Group{std::move(plan)}));
      is_finite_ &= group.plan.order == Order::each;
      has_rates_ |= group.plan.rate > 0;
      for (std::size_t i = 0; i < group.plan.connections; ++i) {
        connections_.push_back(std::make_unique<Connection>(group, target, poll_));
        members_[&group].push_back(connections_.back().get());
      }
    }
  }

  void go(double seconds, double cpu_share) {
    const auto began = Clock::now();
    const auto cpu_before = cpu_seconds();
    const auto end = began + std::chrono::duration_cast<Clock::duration>(duration<double>(seconds));
    for (auto& group : groups_) group->next_due = began;
    Clock::time_point next_tick = began;
    for (auto now = began; now < end && is_told_to_end == 0; now = Clock::now()) {
      if (now >= next_tick) {
        for (auto& connection : connections_) connection->tick(now);
        next_tick = now + tick_every;
        if (is_finite_ && is_done()) break;
      }
      give_what_is_due(now);
      wait(next_tick);
      const duration<double> passed = Clock::now() - began;
      const auto ahead = cpu_seconds() - cpu_before - cpu_slack_s - cpu_share * passed.count();
      if (ahead > 0) std::this_thread::sleep_for(duration<double>(ahead / cpu_share));
    }
    const auto now = Clock::now();
    for (auto& connection : connections_) connection->finish(now);
    for (auto& group : groups_) count_waiting(*group, now);
  }

  [[nodiscard]] const std::vector<std::unique_ptr<Group>>& groups() const { return groups_; }

 private:
  void give_what_is_due(Clock::time_point now) {
    for (auto& group : groups_) {
      if (group->plan.rate <= 0) continue;
      const auto period = duration<double>(1 / group->plan.rate);
      while (group->next_due <= now) {
        group->waiting.push_back(now);
        group->next_due += std::chrono::duration_cast<Clock::duration>(period);
      }
      for (auto* connection : members_[group.get()]) {
        if (group->waiting.empty()) break;
        connection->fill(now);
      }
    }
  }

  void wait(Clock::time_point next_tick) {
    std::array<epoll_event, 256> events{};
    const auto left = std::chrono::ceil<milliseconds>(next_tick - Clock::now()).count();
    const auto timeout = std::clamp<long>(left, 0, has_rates_ ? 1 : tick_every.count());
    const int count = epoll_wait(poll_, events.data(), events.size(), static_cast<int>(timeout));
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      static_cast<Connection*>(event.data.ptr)->ready(event.events);
    }
  }

  static void count_waiting(Group& group, Clock::time_point now) {
    group.outcome.pending += group.waiting.size();
    for (const auto due : group.waiting) {
      const duration<float, std::milli> passed = now - due;
      group.outcome.latencies_ms.push_back(passed.count());
    }
  }

  [[nodiscard]] bool is_done() const {
    return std::ranges::all_of(connections_, [](const auto& c) { return c->is_done(); });
  }

  int poll_ = epoll_create1(EPOLL_CLOEXEC);
  bool is_finite_ = true;
  bool has_rates_ = false;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<Group*, std::vector<Connection*>> members_;
};

double share_of(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(sorted.size() - 1, at)];
}

void print(Group& group) {
  auto& out = group.outcome;
  std::ranges::sort(out.latencies_ms);
  const auto& times = out.latencies_ms;
  std::printf("{\"name\": \"%s\", \"answers\": {", group.plan.name.c_str());
  const char* separator = "";
  for (const auto& [status, count] : out.answers) {
    std::printf("%s\"%d\": %llu", separator, status, static_cast<unsigned long long>(count));
    separator = ", ";
  }
  const auto number = [](const char* name, std::uint64_t value) {
    std::printf(", \"%s\": %llu", name, static_cast<unsigned long long>(value));
  };
  std::printf("}");
  number("closed", out.closed);
  number("refused", out.refused);
  number("unanswered", out.unanswered);
  number("pending", out.pending);
  number("open", out.open);
  number("sent_bytes", out.sent_bytes);
  number("received_bytes", out.received_bytes);
  number("count", times.size());
  std::printf(", \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n", share_of(times, 0.5),
              share_of(times, 0.99), share_of(times, 1));
}

}  // namespace

}  // namespace attacker

int main(int count, char** arguments) {
  using namespace attacker;
  if (count != 4) die("usage: attacker PORT SECONDS CPU < plan");
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // it does not outlive who started it
  setpriority(PRIO_PROCESS, 0, lowest_priority);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::signal(SIGTERM, [](int) { is_told_to_end = 1; });
  const auto port = static_cast<std::uint16_t>(std::atoi(arguments[1]));
  Run run{read_plans(std::cin), {port}};
  std::puts("begun");
  std::fflush(stdout);
  run.go(std::min(std::atof(arguments[2]), seconds_max), std::atof(arguments[3]));
  for (const auto& group : run.groups()) print(*group);
}
