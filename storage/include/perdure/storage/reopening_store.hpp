// SPDX-License-Identifier: Apache-2.0
// A store that can be closed and opened again beneath its users.
//
// A disk that is full stops a store's writes, and only opening it again, with a new epoch, makes it
// writable: whether the last batch happened is decided then. Users of this store keep their
// reference meanwhile. Between closing and opening, all that they ask for is `unavailable`; what
// they commit with the epoch before is refused as `stale_epoch`.
#pragma once

#include <atomic>
#include <memory>
#include <shared_mutex>

#include "perdure/storage/store_factory.hpp"

namespace perdure::storage {

/// Threads  as Store; `recover` may be called from any one thread at a time.
class ReopeningStore final : public Store {
 public:
  /// Stores come from `factory`, opened as `request` says each time. Errors: as StoreFactory::open.
  [[nodiscard]] static Result<std::unique_ptr<ReopeningStore>> open(
      std::shared_ptr<StoreFactory> factory, StoreRequest request);

  /// Closes the store and opens it again, if its writes stopped because the disk was full and
  /// there is room now (or if the last attempt to open failed).
  ///
  /// Returns  whether it was opened; if so, activations of earlier epochs must be dropped.
  /// Errors   as StoreFactory::open: the store stays closed, and the next call tries again.
  Result<bool> recover();

  [[nodiscard]] ReadCost read_cost() const override { return read_cost_; }
  [[nodiscard]] std::uint64_t epoch() const override { return epoch_.load(); }
  [[nodiscard]] std::vector<Outcome> commit(std::span<const Unit> units, Timestamp now) override;
  [[nodiscard]] std::uint32_t line() const override { return line_.load(); }
  [[nodiscard]] Health health() const override;
  Result<void> look() override;
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
  [[nodiscard]] Result<Trimmed> trim(const ObjectId& id, Seq floor,
                                     const ChangedKeys& changed_keys) override;
  [[nodiscard]] Result<std::vector<std::string>> kinds() const override;
  [[nodiscard]] Result<std::size_t> erase_rows(const RowGroup& group, std::size_t limit) override;
  [[nodiscard]] std::vector<ReadAnswer> read(std::span<const Read> reads) const override;
  [[nodiscard]] StoreStats stats() const override;

 private:
  ReopeningStore(std::unique_ptr<Store> store, std::shared_ptr<StoreFactory> factory,
                 StoreRequest request);

  /// Calls `use` with the store beneath, if it is open, and keeps it open meanwhile.
  template <class Use>
  [[nodiscard]] auto with_store(const Use& use) const -> decltype(use(std::declval<Store&>()));

  const std::shared_ptr<StoreFactory> factory_;
  const StoreRequest request_;
  const ReadCost read_cost_;
  std::atomic<std::uint64_t> epoch_;
  std::atomic<std::uint32_t> line_;
  /// Set before the store is waited for: a stream of readers must not keep it open.
  std::atomic<bool> closing_{false};
  mutable std::shared_mutex mutex_;  ///< shared by users of the store; guards store_
  std::unique_ptr<Store> store_;     ///< null after an attempt to open that failed
};

}  // namespace perdure::storage
