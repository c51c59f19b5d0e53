// SPDX-License-Identifier: Apache-2.0
// What a MemoryDisk holds: committed state as plain maps, and the batch whose sync failed.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "perdure/storage/memory_store.hpp"

namespace perdure::storage {

struct MemoryAlarm {
  Timestamp due;
  std::string body;
};

struct MemoryObject {
  Seq last = 0;
  Seq floor = 1;
  std::map<Seq, std::string> records;
  /// key → seq → value; no value: a tombstone
  std::map<std::string, std::map<Seq, std::optional<std::string>>, std::less<>> entries;
  std::map<std::string, MemoryAlarm> alarms;
  std::map<Seq, std::string> pins;
};

struct MemoryClaim {
  std::string value;
  std::optional<Timestamp> expires;
};

struct MemoryDisk::State {
  mutable std::mutex mutex;  ///< protects everything below
  std::map<ObjectId, MemoryObject> objects;
  /// (kind, index) → (key, id) → value
  std::map<std::pair<std::string, std::string>,
           std::map<std::pair<std::string, std::string>, std::string>>
      indexes;
  std::set<AlarmPlace> due;
  std::map<std::string, std::uint64_t, std::less<>> counts;
  std::map<std::pair<std::string, std::string>, MemoryClaim> claims;
  std::map<std::uint64_t, EventRow> events;  ///< by position
  std::uint64_t last_event = 0;
  std::map<std::uint64_t, std::string> outbox;  ///< by position
  std::uint64_t last_send = 0;

  std::uint64_t epoch = 0;
  std::uint64_t commit_number = 0;
  std::uint64_t acknowledged = 0;  ///< highest commit number that a caller was told of
  std::uint64_t crashes = 0;       ///< a store opened before the last one is unusable

  /// The batch of the last failed sync: whether it happened is decided by the next restart.
  struct Doubtful {
    std::vector<Unit> units;
    Timestamp now;
    bool survives;
  };
  std::optional<Doubtful> doubtful;

  /// Trims since the last commit, in order, each with what it took away: not synced yet.
  struct UnsyncedTrim {
    ObjectId object;  ///< of the kind "": the event log
    MemoryObject before;
    std::map<std::uint64_t, EventRow> events_before;
  };
  std::vector<UnsyncedTrim> unsynced_trims;
  /// Undoes the trims that a crash takes back.
  void lose_trims(TailAfterCrash tail, std::uint64_t dice);

  /// Checks and applies the units in order; the caller holds the mutex.
  std::vector<Outcome> apply(std::span<const Unit> units, Timestamp now);
};

}  // namespace perdure::storage
