// SPDX-License-Identifier: Apache-2.0
// The store on RocksDB. open.cpp makes and recovers it; commit.cpp, reads.cpp, entries.cpp and
// trim.cpp hold its methods by topic.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "perdure/storage/rocksdb_store.hpp"
#include "rocksdb/database.hpp"
#include "rocksdb/files.hpp"
#include "rocksdb/index_batch.hpp"
#include "rocksdb/salvage.hpp"
#include "rocksdb/seq_table.hpp"

namespace perdure::storage {

/// What opening has found and made; the parts in the order in which they must be released last.
struct OpenedStore {
  DirectoryLock lock;
  AckedFile acked;
  Tuning tuning;
  std::unique_ptr<LinkedDirectory> links;  ///< of a damaged store that is only looked at
  std::unique_ptr<Database> database;
  rows::CommitContent last_commit;
  std::uint64_t scrub_bytes_max = 0;  ///< when it is closed
  std::uint64_t epoch = 0;
  std::uint32_t line = 0;
  std::string history = {};  ///< of the event log
};

/// Whether commits may still be written: shared with RocksDB's background threads.
class WriteGate {
 public:
  explicit WriteGate(std::function<void(const Error&)> on_failure)
      : on_failure_(std::move(on_failure)) {}
  [[nodiscard]] bool is_open() const { return health() == Health::writable; }
  [[nodiscard]] Health health() const {
    const auto health = health_.load();
    return health == Health::no_space && sync_failed_.load() ? Health::read_only : health;
  }
  /// Stops writes for good. The first call tells the owner why.
  void close(const Error& reason) { close(Health::read_only, reason); }
  /// As above; `cause` tells what stopped them.
  void close(const rocksdb::Status& cause, const Error& reason) {
    close(health_after(cause), reason);
  }
  void close(Health now, const Error& reason);
  /// The kernel may have dropped what it could not write and call the next sync a success: nobody
  /// in this process can trust what it reads back, even if the cause was a full disk.
  void note_failed_sync() { sync_failed_.store(true); }

 private:
  /// What a failed write says of the disk.
  static Health health_after(const rocksdb::Status& cause);

  std::atomic<Health> health_{Health::writable};
  std::atomic<bool> sync_failed_{false};
  const std::function<void(const Error&)> on_failure_;
};

class RocksdbStore final : public Store {
 public:
  RocksdbStore(OpenedStore opened, Durability durability, std::shared_ptr<WriteGate> gate);
  ~RocksdbStore() override;
  RocksdbStore(const RocksdbStore&) = delete;
  RocksdbStore& operator=(const RocksdbStore&) = delete;

  [[nodiscard]] std::uint64_t epoch() const override { return opened_.epoch; }
  [[nodiscard]] std::uint32_t line() const override { return opened_.line; }
  std::vector<Outcome> commit(std::span<const Unit> units, Timestamp now) override;
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
  Result<Trimmed> trim(const ObjectId& id, Seq floor, const ChangedKeys& changed_keys) override;
  [[nodiscard]] Result<std::vector<std::string>> kinds() const override;
  [[nodiscard]] Result<std::size_t> erase_rows(const RowGroup& group, std::size_t limit) override;
  [[nodiscard]] std::vector<ReadAnswer> read(std::span<const Read> reads) const override;
  [[nodiscard]] StoreStats stats() const override;

 private:
  class BatchState;
  /// Of a row that was looked up, or that there is none.
  using Content = Result<std::optional<std::string>>;

  [[nodiscard]] ReadAnswer answer_of(const Read& read, std::string_view key, Content content) const;
  [[nodiscard]] static Result<std::optional<std::string>> parse_claim(std::string_view key,
                                                                      const Content& content,
                                                                      Timestamp now);
  [[nodiscard]] static Result<std::uint64_t> parse_count(std::string_view key,
                                                         const Content& content);
  [[nodiscard]] static Result<std::optional<AlarmRow>> parse_alarm(std::string_view key,
                                                                   const Content& content,
                                                                   const ObjectId& id,
                                                                   std::string_view name);

  /// The directory with what was locked, and ACKED with what was written.
  [[nodiscard]] Look compare();
  [[nodiscard]] const Database& database() const { return *opened_.database; }
  [[nodiscard]] std::vector<Outcome> stop_writes(const rocksdb::Status& status,
                                                 std::size_t unit_count);
  void acknowledge();
  void note_erasure(const std::string& kind);

  /// Appends an admitted unit's rows to batch_ and moves the batch's state on.
  void append(const Unit& unit, BatchState& state);
  void append_alarms(const WriteSet& write_set, std::string_view prefix);
  void append_counts(const BatchState& state);
  void append_outbox(const WriteSet& write_set, BatchState& state);
  void append_claims(const WriteSet& write_set, BatchState& state);
  void append_pins(const WriteSet& write_set, std::string_view prefix);
  /// Appends the deletions of the pasts that a checked unit ends. Before its other rows.
  [[nodiscard]] Result<void> append_erasures(const Unit& unit);
  [[nodiscard]] Result<void> append_erasure(const WriteSet& write_set);
  [[nodiscard]] Result<void> append_table_erasure(rows::Table table, const std::string& prefix);
  [[nodiscard]] Result<void> append_due_erasures(const std::string& prefix);

  /// The seq of the newest record, by its key alone.
  [[nodiscard]] Result<Seq> read_last_seq(const ObjectId& id) const;
  [[nodiscard]] Result<Seq> floor_at(std::string_view prefix,
                                     const rocksdb::Snapshot* at = nullptr) const;
  [[nodiscard]] Result<std::vector<RecordRow>> records_down(std::string_view prefix, Seq from,
                                                            Seq until, std::size_t limit,
                                                            const Snapshot& now) const;
  [[nodiscard]] Result<Seq> next_kept(const ObjectId& id, Seq from, const Snapshot& now) const;
  /// The lowest position that is kept.
  [[nodiscard]] Result<std::uint64_t> first_event() const;
  /// Why a record that is not there is not there.
  [[nodiscard]] Result<RecordRow> explain_absence(const ObjectId& id, Seq seq) const;

  struct RaisedFloor {
    Seq before;  ///< the floor until now
    Seq floor;
    Seq from;                    ///< below it no record is left but pinned ones
    std::vector<Seq> pins = {};  ///< below the floor, in ascending order
  };
  /// Raises the floor durably; none when it is higher already.
  [[nodiscard]] Result<std::optional<RaisedFloor>> raise_floor(const ObjectId& id, Seq floor);
  /// Removes what nobody can see below a raised floor.
  [[nodiscard]] Result<Trimmed> trim_below(const ObjectId& id, const RaisedFloor& raised,
                                           const ChangedKeys& changed_keys);
  [[nodiscard]] Result<std::uint64_t> trim_entries(const ObjectId& id, const RaisedFloor& raised,
                                                   const ChangedKeys& changed_keys);
  /// Removes the records from `raised.from` up to the floor.
  [[nodiscard]] Result<std::uint64_t> trim_records(std::string_view prefix,
                                                   const RaisedFloor& raised);
  class EntryTrim;
  [[nodiscard]] Result<void> write_deletions(rocksdb::WriteBatch& batch);

  OpenedStore opened_;
  const Durability durability_;
  const std::shared_ptr<WriteGate> gate_;

  std::mutex look_mutex_;  ///< guards opened_.lock
  /// The number that ACKED must hold at least.
  std::atomic<std::uint64_t> acknowledged_{0};

  // The committing thread's.
  rocksdb::WriteBatch batch_;
  IndexBatch index_rows_;  ///< of batch_
  SeqTable seqs_;
  std::uint64_t commits_since_acked_sync_ = 0;
  std::set<std::string> unscrubbed_;  ///< kinds that the database knows to be noted (scrub.hpp)

  /// Held by trim while it raises a floor, and by commits that hold pins: a pin is either seen by
  /// the trim or refused as below the floor.
  std::mutex retention_mutex_;
  /// Guarded by it: below this seq an object has no records left but pinned ones. So a trim does
  /// not walk over what earlier ones deleted. Unknown objects, and those that lost a pin, are
  /// walked from the start.
  SeqTable cleaned_;

  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> syncs_{0};
};

}  // namespace perdure::storage
