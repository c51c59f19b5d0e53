// SPDX-License-Identifier: Apache-2.0
// Cell: an active object as everybody but its activation sees it.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <list>
#include <memory>
#include <optional>

#include "in_flight.hpp"
#include "members.hpp"
#include "perdure/base/fair_queue.hpp"
#include "perdure/runtime/seq_watch.hpp"
#include "version.hpp"

namespace perdure::runtime {

class Directory;

/// One active object, as everybody but its activation sees it.
///
/// Threads  the atomics any; all else under the lock of the directory's shard.
class Cell {
 public:
  Cell(ObjectId object_id, const KindDefinition& definition, std::uint64_t store_epoch)
      : object(std::move(object_id)),
        kind(definition),
        epoch(store_epoch),
        hash(std::hash<ObjectId>{}(object)),
        members(definition),
        owner_key_(hash) {}

  // What a read of a quiet object looks at comes first, in two lines of the processor's cache.
  const ObjectId object;
  const KindDefinition& kind;
  /// The store's when the cell was made; its turns are fenced with it.
  const std::uint64_t epoch;

 private:
  friend class Directory;

  VersionPtr committed_;  ///< null until loaded
  std::size_t in_flight_ = 0;
  Milliseconds last_used_{0};

 public:
  const std::size_t hash;  ///< of the name
  /// The seq that is durable. Written by whoever leads after the commit, before any reply.
  std::atomic<Seq> committed_seq{0};
  /// Submissions of this activation that are not on their way any more: the committer has dealt
  /// with them for good, or they came back.
  std::atomic<std::uint64_t> settled{0};
  /// Set by the committer when it gives a submission back, cleared by the activation when it has
  /// recovered: between the two, the activation is told of every submission that settles.
  std::atomic<bool> recovering{false};
  /// In whose name its submissions take turns. The committer's, under its lock.
  std::optional<OwnerKey> line = {};
  Members members;  ///< the activation's

  /// Whose turn it is when the object runs: its owner's; until it is loaded that of the caller who
  /// woke it; its own if there is neither.
  [[nodiscard]] OwnerKey owner_key() const { return owner_key_.load(std::memory_order_relaxed); }
  /// Which counts what is in flight for the object; null: it is gone.
  [[nodiscard]] Directory* directory() const { return directory_.load(std::memory_order_relaxed); }

 private:
  /// Once there is a record, which fixes the owner.
  void learn_owner() {
    if (knows_owner_ || committed_->meta.seq == 0) return;
    knows_owner_ = true;
    const auto& owner = committed_->meta.origin->owner.text();
    owner_key_.store(owner.empty() ? hash : perdure::owner_key(owner), std::memory_order_relaxed);
  }
  void wake_for(std::optional<OwnerKey> caller) {
    if (knows_owner_ || in_flight_ > 0) return;
    owner_key_.store(caller.value_or(hash), std::memory_order_relaxed);
  }

  void show_watchers(Seq seq) const {
    if (watched_seq_) watched_seq_->store(seq, std::memory_order_release);
  }

  std::atomic<Directory*> directory_{nullptr};
  caf::actor actor_;  ///< null: nothing is there for it to do
  /// What watches look at: null until there is one, silent until loaded and from removal on. Not a
  /// part of the cell, which would stay in memory as long as somebody watches.
  std::shared_ptr<std::atomic<Seq>> watched_seq_;
  std::size_t bytes_ = 0;
  bool trim_queued_ = false;
  std::atomic<OwnerKey> owner_key_;
  bool knows_owner_ = false;
  bool dropped_ = false;  ///< no longer in the map: what it still answers must not be believed
  std::list<Cell*>::iterator place_;
};

}  // namespace perdure::runtime
