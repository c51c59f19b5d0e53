// SPDX-License-Identifier: Apache-2.0
// What a MemoryDisk holds: committed state as plain maps, what they take, and the batch whose sync
// failed.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string_view>
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
  std::map<std::string, MemoryAlarm, std::less<>> alarms;
  std::map<Seq, std::string> pins;
  /// What the next trim removes is not to be known from the records: a pin was removed, or a trim
  /// was cut off. It looks at all entries.
  bool trims_all = false;
};

struct MemoryClaim {
  std::string value;
  std::optional<Timestamp> expires;
};

/// What rows take: their bytes, and about what the maps need to hold them.
namespace weight {
inline constexpr std::size_t node = 96;
inline constexpr std::size_t object = 384;
[[nodiscard]] inline std::size_t of(std::string_view one, std::string_view two = {},
                                    std::string_view three = {}) {
  return node + one.size() + two.size() + three.size();
}
[[nodiscard]] inline std::size_t of_version(const std::optional<std::string>& value) {
  return node + (value ? value->size() : 0);
}
/// With its row by due time.
[[nodiscard]] inline std::size_t of_alarm(const ObjectId& id, std::string_view name,
                                          std::string_view body) {
  return of(name, body) + of(name, id.kind, id.id);
}
/// With its row by expiry.
[[nodiscard]] inline std::size_t of_claim(std::string_view space, std::string_view key,
                                          std::string_view value,
                                          const std::optional<Timestamp>& expires) {
  return of(space, key, value) + (expires ? of(space, key) : 0);
}
[[nodiscard]] inline std::size_t of_index_row(std::string_view key, std::string_view id,
                                              std::string_view value) {
  return of(key, id, value);
}
[[nodiscard]] std::size_t of_rows(const ObjectId& id, const MemoryObject& object);
/// At least what committing a unit adds.
[[nodiscard]] std::size_t of_unit(const Unit& unit);
}  // namespace weight

struct MemoryDisk::State {
  explicit State(MemoryOptions with) : options(std::move(with)) {}

  const MemoryOptions options;
  mutable std::mutex mutex;  ///< protects everything below
  std::size_t bytes = 0;     ///< of all rows
  std::map<ObjectId, MemoryObject> objects;
  /// (kind, index) → (key, id) → value
  std::map<std::pair<std::string, std::string>,
           std::map<std::pair<std::string, std::string>, std::string>>
      indexes;
  std::set<AlarmPlace> due;
  std::map<std::string, std::uint64_t, std::less<>> counts;
  using ClaimName = std::pair<std::string, std::string>;  ///< space, key
  std::map<ClaimName, MemoryClaim> claims;
  std::set<std::pair<Timestamp, ClaimName>> expiries;  ///< of claims that have one
  std::map<std::uint64_t, EventRow> events;            ///< by position
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

  // The caller of all that follows holds the mutex.

  /// Checks and applies the units in order, and sweeps some claims that have expired by `now`.
  std::vector<Outcome> apply(std::span<const Unit> units, Timestamp now);
  /// Errors: unavailable, which names the bound.
  [[nodiscard]] Result<void> check_room(const Unit& unit) const;
  void sweep_claims(Timestamp now);

  // Changes of rows, counted.
  void put_record(MemoryObject& object, std::string record);
  void put_entry(MemoryObject& object, const EntryChange& change);
  void change_index(const ObjectId& id, const IndexChange& change);
  void change_alarm(const ObjectId& id, MemoryObject& object, const AlarmChange& change);
  void put_claim(const Claim& claim);
  void erase_claim(const ClaimName& name);
  void change_count(const CountChange& change);
  void change_pin(MemoryObject& object, const PinChange& change);
  void put_event(EventRow row);
  void erase_event(std::map<std::uint64_t, EventRow>::iterator row);
  void erase_outbox(std::uint64_t position);
  void erase_past(const ObjectId& id, MemoryObject& object);
  void apply(const WriteSet& write_set);
  [[nodiscard]] std::size_t counted_anew() const;
};

}  // namespace perdure::storage
