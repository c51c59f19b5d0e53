// SPDX-License-Identifier: Apache-2.0
// What the workloads share: things to be done once each, some of them at the same time.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "perdure/testing/workload.hpp"

namespace perdure::sim {

using perdure::testing::World;

/// Counts deeds 0, 1, 2 … from their beginning to their end.
class Deeds {
 public:
  Deeds(std::size_t count, std::size_t open_max) : count_(count), open_max_(open_max) {}

  /// Whether another one may begin.
  [[nodiscard]] bool can_begin() const {
    return begun_ < count_ && begun_ - ended_.size() < open_max_;
  }
  /// Its number. Shape: can_begin.
  std::size_t begin() { return begun_++; }
  void end(std::size_t number) { ended_.insert(number); }
  [[nodiscard]] bool has_ended(std::size_t number) const { return ended_.contains(number); }
  [[nodiscard]] bool done() const { return ended_.size() == count_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::string state() const {
    return std::to_string(ended_.size()) + " of " + std::to_string(count_) + " done";
  }

 private:
  const std::size_t count_;
  const std::size_t open_max_;
  std::size_t begun_ = 0;
  std::set<std::size_t> ended_;
};

/// Calls made in the server's own process, such as transactions: made again, by a caller who is
/// started again with it, until they succeed.
class Insistent {
 public:
  using Make = std::function<void(ReplyHandler)>;

  explicit Insistent(World& world) : world_(world) {}

  void begin(Make make, std::function<void(const Reply&)> done) {
    calls_.emplace(next_, One{std::move(make), std::move(done)});
    send(next_++);
  }
  /// Makes one of the calls again that came to nothing.
  void step() {
    for (auto& [number, one] : calls_) {
      if (one.life != world_.life()) return send(number);
    }
  }
  [[nodiscard]] bool idle() const { return calls_.empty(); }

 private:
  struct One {
    Make make;
    std::function<void(const Reply&)> done;
    std::uint64_t life = 0;  ///< in which it was made last; 0: to be made
  };

  void send(std::uint64_t number) {
    auto& one = calls_.at(number);
    one.life = world_.life();
    one.make([this, number, life = world_.life()](const Result<Reply>& reply) {
      if (life != world_.life()) return;
      const auto found = calls_.find(number);
      if (!reply) {
        found->second.life = 0;
        return;
      }
      const auto ended = std::move(found->second.done);
      calls_.erase(found);
      ended(*reply);
    });
  }

  World& world_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, One> calls_;
};

}  // namespace perdure::sim
