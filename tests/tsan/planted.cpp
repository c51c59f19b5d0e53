// SPDX-License-Identifier: Apache-2.0
// Races that must be reported, and what is no race and must not be: neither what ThreadSanitizer is
// told of actors nor what it is told to leave out may hide a race of ours. The argument says which:
//
//   two_objects     handlers of two objects change what they share
//   after_sending   a caller changes what it has sent
//   none            the same, ordered: by a lock, by the object, by sending and by the reply
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "perdure/runtime/runtime.hpp"

using perdure::Json;
using perdure::Runtime;
using perdure::Turn;

namespace {

constexpr int rounds = 50;

struct State {
  std::int64_t turns = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(State, turns)

/// Returns when `count` threads have come, and orders nothing of theirs.
class Meeting {
 public:
  explicit Meeting(int count) : missing_(count) {}
  void come() {
    missing_.fetch_sub(1, std::memory_order_relaxed);
    while (missing_.load(std::memory_order_relaxed) > 0) std::this_thread::yield();
  }

 private:
  std::atomic<int> missing_;
};

struct Shared {
  Meeting meeting{2};
  long unlocked = 0;  ///< the racing one
  std::mutex mutex;
  long locked = 0;
  long of_one_object = 0;
  std::vector<long> handed = std::vector<long>(rounds);
};

perdure::Kind planted_kind(Shared& shared) {
  return perdure::kind<State>("planted")
      .command("race",
               [&shared](Turn&, State&) {
                 shared.meeting.come();
                 ++shared.unlocked;
               })
      .command("lock",
               [&shared](Turn&, State&) {
                 const std::lock_guard lock{shared.mutex};
                 ++shared.locked;
               })
      .command("own",
               [&shared](Turn&, State& self) {
                 ++self.turns;
                 ++shared.of_one_object;
               })
      .command("take",
               [&shared](Turn&, State&, const std::size_t& place) { ++shared.handed[place]; });
}

void race_of_two_objects(Runtime& runtime, Shared&) {
  const auto one = runtime.object("planted", "a").call("race");
  const auto other = runtime.object("planted", "b").call("race");
  one.wait();
  other.wait();
}

void race_after_sending(Runtime& runtime, Shared& shared) {
  const auto sent = runtime.object("planted", "a").call("race");
  shared.meeting.come();
  ++shared.unlocked;
  sent.wait();
}

/// From several threads, of objects that come and go meanwhile.
void no_race(Runtime& runtime, Shared& shared) {
  std::vector<std::thread> callers;
  for (const auto* own : {"a", "b", "c"}) {
    callers.emplace_back([&runtime, &shared, own] {
      for (std::size_t round = 0; round < rounds; ++round) {
        const auto lock = runtime.object("planted", own).call("lock");
        const auto shared_by_all = runtime.object("planted", "one").call("own");
        lock.wait();
        shared_by_all.wait();
        static_cast<void>(runtime.hibernate({"planted", own}));  // or it is in use
        static_cast<void>(runtime.hibernate({"planted", "one"}));
      }
    });
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    shared.handed[round] = 1;
    runtime.object("planted", "taker").call("take", round).wait();
    ++shared.handed[round];
  }
  for (auto& caller : callers) caller.join();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc == 2 ? argv[1] : "";
  void (*play)(Runtime&, Shared&) = which == "two_objects"     ? race_of_two_objects
                                    : which == "after_sending" ? race_after_sending
                                    : which == "none"          ? no_race
                                                               : nullptr;
  if (play == nullptr) {
    std::cerr << "usage: planted two_objects|after_sending|none\n";
    return 2;
  }
  const auto directory =
      std::filesystem::temp_directory_path() / ("perdure-planted-" + std::to_string(::getpid()));
  Shared shared;
  {
    auto runtime = Runtime::open({.data_dir = directory,
                                  .durability = perdure::DurabilityMode::buffered,
                                  .worker_threads = 3},
                                 {planted_kind(shared)})
                       .value();
    play(*runtime, shared);
  }
  std::filesystem::remove_all(directory);
  return 0;
}
