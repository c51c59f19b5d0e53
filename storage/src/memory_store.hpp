// SPDX-License-Identifier: Apache-2.0
// The store on a memory disk: its class, which the sources memory_store*.cpp share.
//
// **Threads** any; each call holds the disk's mutex. **Lifetime** the disk outlives the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory_disk.hpp"
#include "perdure/storage/memory_store.hpp"

namespace perdure::storage {

class MemoryStore final : public Store {
 public:
  MemoryStore(MemoryDisk& disk, std::uint64_t epoch, std::uint64_t crashes)
      : disk_(disk), epoch_(epoch), crashes_(crashes) {}

  static Result<std::unique_ptr<Store>> open(MemoryDisk& disk);

  [[nodiscard]] std::uint64_t epoch() const override { return epoch_; }
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

  [[nodiscard]] State& disk() const { return *disk_.state_; }
  /// Errors: unavailable after a crash of the disk, or when an I/O error is due. The caller holds
  /// the disk's mutex.
  [[nodiscard]] Result<void> check_usable() const {
    if (crashes_ != disk().crashes) {
      return fail(ErrorCode::unavailable, "the machine under this store has crashed");
    }
    if (call_fails()) return fail(ErrorCode::unavailable, "the disk cannot be read");
    return {};
  }
  /// Counts a call of the store. The caller holds the disk's mutex.
  [[nodiscard]] bool call_fails() const {
    auto& left = disk_.faults.calls_until_error;
    return left >= 0 && left-- == 0;
  }
  /// The object's rows, or those of an object that has none.
  [[nodiscard]] const MemoryObject& find(const ObjectId& id) const {
    static const MemoryObject none;
    const auto found = disk().objects.find(id);
    return found == disk().objects.end() ? none : found->second;
  }
  [[nodiscard]] bool takes_commits() const {
    return health_ == Health::writable && crashes_ == disk().crashes;
  }

  MemoryDisk& disk_;
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
