// SPDX-License-Identifier: Apache-2.0
// The store on a memory disk: its class, which the sources memory_store*.cpp share.
//
// **Threads** any. The disk's mutex is held for a slice of rows at most: walks along an index and
// trims let go of it between slices, and readers of walks are called without it.
// **Lifetime** the store shares its disk, or its owner sees to it that the disk outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "memory_disk.hpp"
#include "perdure/storage/memory_store.hpp"

namespace perdure::storage {

class MemoryStore final : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryDisk> disk, std::uint64_t epoch, std::uint64_t crashes)
      : disk_(std::move(disk)), epoch_(epoch), crashes_(crashes) {}

  static Result<std::unique_ptr<Store>> open(std::shared_ptr<MemoryDisk> disk);

  [[nodiscard]] std::uint64_t epoch() const override { return epoch_; }
  [[nodiscard]] std::uint32_t line() const override { return disk().options.line; }
  std::vector<Outcome> commit(std::span<const Unit> units, Timestamp now) override;
  [[nodiscard]] Health health() const override;
  [[nodiscard]] Result<std::optional<RecordRow>> last_record(const ObjectId& id) const override;
  [[nodiscard]] Result<RecordRow> record(const ObjectId& id, Seq seq) const override;
  [[nodiscard]] Result<std::vector<RecordRow>> journal(const ObjectId& id, Seq from, Seq until,
                                                       Direction direction,
                                                       std::size_t limit) const override;
  [[nodiscard]] Result<Seq> floor(const ObjectId& id) const override;
  [[nodiscard]] Result<std::optional<EntryRow>> entry(const ObjectId& id, std::string_view key,
                                                      Seq as_of) const override;
  [[nodiscard]] Result<std::vector<EntryRow>> entries(const ObjectId& id, const KeyRange& range,
                                                      Seq as_of, Gaps* gaps) const override;
  [[nodiscard]] Result<void> walk_index(std::string_view kind, std::string_view index,
                                        const KeyRange& range, const std::optional<IndexRow>& after,
                                        const IndexReader& read) const override;
  [[nodiscard]] Result<std::optional<std::string>> claim(const ClaimKey& key,
                                                         Timestamp now) const override;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name) const override;
  [[nodiscard]] Result<std::vector<AlarmPlace>> alarms_due(
      Timestamp until, std::size_t limit, const std::optional<AlarmPlace>& after) const override;
  [[nodiscard]] Result<std::optional<AlarmRow>> alarm(const ObjectId& id,
                                                      std::string_view name) const override;
  [[nodiscard]] Result<std::vector<AlarmRow>> alarms(const ObjectId& id, std::string_view from,
                                                     std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<EventRow>> events(std::uint64_t from,
                                                     std::size_t limit) const override;
  [[nodiscard]] Result<EventRange> event_range() const override;
  Result<void> trim_events(std::uint64_t first) override;
  Result<void> drop_events(const EventGap& gap) override;
  [[nodiscard]] Result<std::vector<OutboxRow>> outbox(std::uint64_t from,
                                                      std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<PinRow>> pins(const ObjectId& id, Seq from,
                                                 std::size_t limit) const override;
  Result<Trimmed> trim(const ObjectId& id, Seq floor, const ChangedKeys& changed_keys) override;
  [[nodiscard]] Result<std::vector<std::string>> kinds() const override;
  [[nodiscard]] Result<std::size_t> erase_rows(const RowGroup& group, std::size_t limit) override;
  [[nodiscard]] StoreStats stats() const override;

 private:
  using State = MemoryDisk::State;

  [[nodiscard]] State& disk() const { return *disk_->state_; }
  /// Errors: unavailable after a crash of the disk, or when an I/O error is due. The caller holds
  /// the disk's mutex.
  [[nodiscard]] Result<void> check_usable() const {
    if (crashes_ != disk().crashes) {
      return fail(ErrorCode::unavailable, "the machine under this store has crashed");
    }
    if (call_fails()) return fail(ErrorCode::unavailable, "the disk cannot be read");
    return {};
  }
  /// The same, and unavailable when writes have stopped.
  [[nodiscard]] Result<void> check_writable() const {
    PERDURE_TRY_VOID(check_usable());
    if (health_ == Health::writable) return {};
    return fail(ErrorCode::unavailable, "a write failed; writes have stopped");
  }
  /// Whether a crash may take back what was not synced, so that it has to be kept.
  [[nodiscard]] bool may_crash() const {
    return disk().options.crashes == MemoryOptions::Crashes::simulated;
  }
  /// Counts a call of the store. The caller holds the disk's mutex.
  [[nodiscard]] bool call_fails() const {
    auto& left = disk_->faults.calls_until_error;
    return left >= 0 && left-- == 0;
  }
  /// The object's rows, or those of an object that has none.
  [[nodiscard]] const MemoryObject& find(const ObjectId& id) const {
    static const MemoryObject none;
    const auto found = disk().objects.find(id);
    return found == disk().objects.end() ? none : found->second;
  }
  /// At most so many rows of an index, from `after` on. The caller holds the disk's mutex.
  [[nodiscard]] std::vector<IndexRow> index_slice(const std::pair<std::string, std::string>& name,
                                                  const KeyRange& range,
                                                  const std::optional<IndexRow>& after,
                                                  std::size_t rows_max) const;
  struct RaisedFloor {
    Seq before;
    Seq floor;
    bool trims_all;  ///< the records do not say which entries have versions that nobody sees
  };
  /// None: it is higher already.
  [[nodiscard]] Result<std::optional<RaisedFloor>> raise_floor(const ObjectId& id, Seq floor);
  /// Removes what nobody can see below a raised floor, slice by slice.
  [[nodiscard]] Result<Trimmed> trim_below(const ObjectId& id, const RaisedFloor& raised,
                                           const ChangedKeys& changed_keys);
  /// A slice of the records from `from` to `until`.
  [[nodiscard]] Result<std::vector<RecordRow>> records_since(const ObjectId& id, Seq from,
                                                             Seq until) const;
  [[nodiscard]] Result<std::uint64_t> trim_records(const ObjectId& id);
  /// Of the keys that the records since the last floor have changed: a version goes when a later
  /// one of its key is at or below the floor.
  [[nodiscard]] Result<std::uint64_t> trim_changed_entries(const ObjectId& id,
                                                           const RaisedFloor& raised,
                                                           const ChangedKeys& changed_keys);
  [[nodiscard]] Result<std::uint64_t> trim_entries(const ObjectId& id,
                                                   std::span<const std::string> keys);
  [[nodiscard]] Result<std::uint64_t> trim_all_entries(const ObjectId& id);
  [[nodiscard]] bool takes_commits() const {
    return health_ == Health::writable && crashes_ == disk().crashes;
  }

  const std::shared_ptr<MemoryDisk> disk_;
  const std::uint64_t epoch_;
  const std::uint64_t crashes_;
  Health health_ = Health::writable;  ///< protected by the disk's mutex
  StoreStats stats_;                  ///< protected by the disk's mutex
};

/// Calls `visit(iterator)` for [first, last) in `direction` until it returns false.
template <class Iterator, class Visit>
void walk(Iterator first, Iterator last, Direction direction, Visit visit) {
  if (direction == Direction::forward) {
    while (first != last && visit(first)) ++first;
  } else {
    while (first != last && visit(--last)) {
    }
  }
}

}  // namespace perdure::storage
