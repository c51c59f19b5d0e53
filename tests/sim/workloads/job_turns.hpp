// SPDX-License-Identifier: Apache-2.0
// JobTurns: follows one queue of jobs from record to record, and says who got a place out of turn.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "perdure/actors/jobs.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::sim {

class JobTurns {
 public:
  JobTurns(std::string queue, actors::JobOptions options, std::size_t type_places)
      : queue_{std::string{actors::job_queue_kind_name}, std::move(queue)},
        options_(std::move(options)),
        type_places_(type_places) {}

  /// Looks at the records since the last look. What is wrong; empty when nothing is.
  std::string look(const Runtime& runtime) {
    const auto now = runtime.inspect(queue_);
    if (!now) return {};
    for (Seq seq = seen_ + 1; seq <= now->meta.seq; ++seq) {
      auto owners = read(runtime, seq);
      seen_ = seq;
      const bool follows = owners && owners_known_;
      owners_known_ = owners.has_value();
      if (!owners) continue;
      auto wrong = judge(*owners);
      if (wrong.empty() && follows) wrong = compare(*owners);
      owners_ = std::move(*owners);
      if (!wrong.empty()) return "queue " + queue_.id + " at " + std::to_string(seq) + ": " + wrong;
    }
    return {};
  }

 private:
  struct Owner {
    std::map<std::string, std::size_t> running;
    std::map<std::string, std::size_t> waiting;
    [[nodiscard]] std::size_t places() const {
      std::size_t sum = 0;
      for (const auto& [type, count] : running) sum += count;
      return sum;
    }
  };
  using Owners = std::map<std::string, Owner>;

  [[nodiscard]] std::optional<Owners> read(const Runtime& runtime, Seq seq) const {
    const auto rows = runtime.entries(queue_, EntryRange::prefix("turns/"), seq);
    if (!rows) return {};  // retention has it
    Owners owners;
    for (const auto& row : *rows) {
      auto& owner = owners[row.key.substr(6)];
      const Json record = row.json();
      record.at("running").get_to(owner.running);
      for (const auto& [type, ranks] : record.at("waiting").items()) {
        for (const Json& rank : ranks) owner.waiting[type] += rank.at(1).get<std::size_t>();
      }
    }
    return owners;
  }

  static std::size_t taken(const Owners& owners) {
    std::size_t sum = 0;
    for (const auto& [name, owner] : owners) sum += owner.places();
    return sum;
  }
  static std::size_t taken_of(const Owners& owners, const std::string& type) {
    std::size_t sum = 0;
    for (const auto& [name, owner] : owners) {
      const auto found = owner.running.find(type);
      if (found != owner.running.end()) sum += found->second;
    }
    return sum;
  }
  /// Whether an owner waits for a type that would take one more of its jobs.
  [[nodiscard]] bool waits(const Owners& owners, const Owner& owner) const {
    return std::ranges::any_of(owner.waiting, [&](const auto& one) {
      const auto used = taken_of(owners, one.first);
      if (used >= type_places_) return false;
      return !owner.running.contains(one.first) ||
             type_places_ - used > options_.reserve_of(type_places_);
    });
  }

  /// What must hold after each turn.
  [[nodiscard]] std::string judge(const Owners& owners) const {
    if (taken(owners) > options_.concurrency) return "more places are taken than there are";
    for (const auto& [name, owner] : owners) {
      for (const auto& [type, count] : owner.running) {
        if (taken_of(owners, type) > type_places_) return "more than the type may run";
      }
      if (owner.places() == 0 && taken(owners) < options_.concurrency && waits(owners, owner)) {
        return name + " has nothing running, and waits while a place is free";
      }
    }
    return {};
  }

  /// What must hold between two records.
  [[nodiscard]] std::string compare(const Owners& after) const {
    const auto places_before = [&](const std::string& name) {
      const auto found = owners_.find(name);
      return found == owners_.end() ? std::size_t{0} : found->second.places();
    };
    for (const auto& [name, owner] : after) {
      if (owner.places() < 2 || owner.places() <= places_before(name)) continue;
      // It has got a place beside others of its own.
      std::size_t firsts = 0;
      for (const auto& [other_name, other] : after) {
        if (other_name == name) continue;
        if (other.places() > 0 && places_before(other_name) == 0) ++firsts;
        if (!waits(after, other)) continue;
        if (other.places() == 0) return name + " was before " + other_name + ", who has nothing";
        if (owner.places() > options_.share_of(options_.concurrency)) {
          return name + " has more than its share, while " + other_name + " waits";
        }
      }
      const auto free = options_.concurrency - taken(after) + firsts;
      if (free < options_.reserve_of(options_.concurrency)) {
        return name + " has got a place of the reserve";
      }
    }
    return {};
  }

  ObjectId queue_;
  actors::JobOptions options_;
  std::size_t type_places_;
  Seq seen_ = 0;
  bool owners_known_ = false;
  Owners owners_;  ///< at `seen_`
};

}  // namespace perdure::sim
