// SPDX-License-Identifier: Apache-2.0
// SignalHub: who listens to which object, and what waits for each.
//
// Costs    a signal is one allocation, however many hear it; a delivery is a place in a list.
// Threads  any.
#pragma once

#include <atomic>
#include <list>
#include <unordered_map>
#include <vector>

#include "attendance.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/signals.hpp"

namespace perdure::runtime {

/// A listener, as senders see it. Its `waits` and `over` are guarded by its own lock.
class Ear : public Attendee {
 public:
  Ear(Principal who, ListenOptions options, std::function<void()> wake)
      : Attendee(std::move(who), std::move(wake)), options_(options) {}

  /// Whether it is to be called.
  [[nodiscard]] bool put(const SignalPtr& signal);
  [[nodiscard]] bool end(const Error& why);
  [[nodiscard]] Result<SignalBatch> take();
  [[nodiscard]] bool is_over() const;

 private:
  using Waiting = std::list<SignalPtr>;

  const ListenOptions options_;
  mutable WatchedMutex mutex_;  // guards the rest
  Waiting waiting_;
  std::unordered_map<std::string, Waiting::iterator> by_key_;  ///< for Keep::latest_value
  std::uint64_t dropped_ = 0;
};
using EarPtr = std::shared_ptr<Ear>;  // shared with senders that are under way

class SignalHub final : public Signals {
 public:
  /// Both must outlive it.
  SignalHub(const storage::Store& store, const KindTable& kinds) : store_(store), kinds_(kinds) {}

  Result<std::unique_ptr<Listener>> listen(const ObjectId& object, Principal principal,
                                           ListenOptions options,
                                           std::function<void()> wake) override;
  Result<std::size_t> send(const ObjectId& object, Signal signal,
                           const Principal& principal) override;
  /// Another version of an object is durable: some may not listen to it any more.
  void changed(const ObjectMeta& meta, Reach reach);
  /// Aborts when the count of listeners is off.
  void check_invariants() const;

 private:
  class OneListener;
  /// Shared with senders that are under way, and never changed: who comes makes another one.
  using Ears = std::shared_ptr<const std::vector<EarPtr>>;

  [[nodiscard]] Ears find(const ObjectId& object) const;
  void leave(const ObjectId& object, const EarPtr& ear);

  const storage::Store& store_;
  const KindTable& kinds_;
  std::atomic<std::size_t> listeners_{0};
  mutable WatchedMutex mutex_;  // guards the rest
  std::unordered_map<ObjectId, Ears> ears_;
};

}  // namespace perdure::runtime
