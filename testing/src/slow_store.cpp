// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/slow_store.hpp"

#include <utility>

namespace perdure::testing {

namespace {

using namespace storage;

class SlowStore final : public Store {
 public:
  SlowStore(std::unique_ptr<Store> beneath, OnRead on_read)
      : beneath_(std::move(beneath)), on_read_(std::move(on_read)) {}

  [[nodiscard]] ReadCost read_cost() const override { return ReadCost::slow; }

  [[nodiscard]] std::vector<ReadAnswer> read(std::span<const Read> reads) const override {
    tell("read", reads.size());
    return beneath_->read(reads);
  }
  [[nodiscard]] Result<std::optional<RecordRow>> last_record(const ObjectId& id) const override {
    tell("last_record");
    return beneath_->last_record(id);
  }
  [[nodiscard]] Result<RecordRow> record(const ObjectId& id, Seq seq) const override {
    tell("record");
    return beneath_->record(id, seq);
  }
  [[nodiscard]] Result<std::vector<RecordRow>> journal(const ObjectId& id, Seq from, Seq until,
                                                       Direction direction,
                                                       std::size_t limit) const override {
    tell("journal");
    return beneath_->journal(id, from, until, direction, limit);
  }
  [[nodiscard]] Result<Seq> floor(const ObjectId& id) const override {
    tell("floor");
    return beneath_->floor(id);
  }
  [[nodiscard]] Result<std::optional<EntryRow>> entry(const ObjectId& id, std::string_view key,
                                                      Seq as_of) const override {
    tell("entry");
    return beneath_->entry(id, key, as_of);
  }
  [[nodiscard]] Result<std::vector<EntryRow>> entries(const ObjectId& id, const KeyRange& range,
                                                      Seq as_of, Gaps* gaps) const override {
    tell("entries");
    return beneath_->entries(id, range, as_of, gaps);
  }
  [[nodiscard]] Result<void> walk_index(std::string_view kind, std::string_view index,
                                        const KeyRange& range, const std::optional<IndexRow>& after,
                                        const IndexReader& read) const override {
    tell("walk_index");
    return beneath_->walk_index(kind, index, range, after, read);
  }
  [[nodiscard]] Result<std::optional<std::string>> claim(const ClaimKey& key,
                                                         Timestamp now) const override {
    tell("claim");
    return beneath_->claim(key, now);
  }
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name) const override {
    tell("count");
    return beneath_->count(name);
  }
  [[nodiscard]] Result<std::optional<AlarmRow>> alarm(const ObjectId& id,
                                                      std::string_view name) const override {
    tell("alarm");
    return beneath_->alarm(id, name);
  }
  [[nodiscard]] Result<std::vector<AlarmRow>> alarms(const ObjectId& id, std::string_view from,
                                                     std::size_t limit) const override {
    tell("alarms");
    return beneath_->alarms(id, from, limit);
  }
  [[nodiscard]] Result<std::vector<PinRow>> pins(const ObjectId& id, Seq from,
                                                 std::size_t limit) const override {
    tell("pins");
    return beneath_->pins(id, from, limit);
  }
  [[nodiscard]] Result<std::vector<AlarmPlace>> alarms_due(
      Timestamp until, std::size_t limit, const std::optional<AlarmPlace>& after) const override {
    tell("alarms_due");
    return beneath_->alarms_due(until, limit, after);
  }
  [[nodiscard]] Result<std::vector<EventRow>> events(std::uint64_t from,
                                                     std::size_t limit) const override {
    tell("events");
    return beneath_->events(from, limit);
  }
  [[nodiscard]] Result<EventRange> event_range() const override {
    tell("event_range");
    return beneath_->event_range();
  }
  [[nodiscard]] Result<std::vector<OutboxRow>> outbox(std::uint64_t from,
                                                      std::size_t limit) const override {
    tell("outbox");
    return beneath_->outbox(from, limit);
  }
  [[nodiscard]] Result<std::vector<std::string>> kinds() const override {
    tell("kinds");
    return beneath_->kinds();
  }

  // What writes, and what is known without asking.
  [[nodiscard]] std::uint64_t epoch() const override { return beneath_->epoch(); }
  [[nodiscard]] std::uint32_t line() const override { return beneath_->line(); }
  [[nodiscard]] Health health() const override { return beneath_->health(); }
  Result<void> look() override { return beneath_->look(); }
  [[nodiscard]] StoreStats stats() const override { return beneath_->stats(); }
  [[nodiscard]] std::vector<Outcome> commit(std::span<const Unit> units, Timestamp now) override {
    return beneath_->commit(units, now);
  }
  Result<void> trim_events(std::uint64_t first) override { return beneath_->trim_events(first); }
  Result<void> drop_events(const EventGap& gap) override { return beneath_->drop_events(gap); }
  [[nodiscard]] Result<Trimmed> trim(const ObjectId& id, Seq floor,
                                     const ChangedKeys& changed_keys) override {
    return beneath_->trim(id, floor, changed_keys);
  }
  [[nodiscard]] Result<std::size_t> erase_rows(const RowGroup& group, std::size_t limit) override {
    return beneath_->erase_rows(group, limit);
  }

 private:
  void tell(std::string_view what, std::size_t reads = 1) const {
    if (on_read_) on_read_({what, reads});
  }

  const std::unique_ptr<Store> beneath_;
  const OnRead on_read_;
};

class SlowFactory final : public StoreFactory {
 public:
  SlowFactory(std::shared_ptr<StoreFactory> beneath, OnRead on_read)
      : beneath_(std::move(beneath)), on_read_(std::move(on_read)) {}

  [[nodiscard]] std::string_view name() const override { return beneath_->name(); }
  [[nodiscard]] Keeps keeps() const override { return beneath_->keeps(); }
  [[nodiscard]] Result<std::unique_ptr<Store>> open(StoreRequest request) override {
    PERDURE_TRY(store, beneath_->open(std::move(request)));
    return std::make_unique<SlowStore>(std::move(store), on_read_);
  }
  [[nodiscard]] bool has_room() const override { return beneath_->has_room(); }
  [[nodiscard]] Result<CheckReport> check(const RecordCheck& record_check,
                                          const CheckProgress& progress) const override {
    return beneath_->check(record_check, progress);
  }

 private:
  const std::shared_ptr<StoreFactory> beneath_;
  const OnRead on_read_;
};

}  // namespace

std::shared_ptr<StoreFactory> slow_stores(std::shared_ptr<StoreFactory> beneath, OnRead on_read) {
  return std::make_shared<SlowFactory>(std::move(beneath), std::move(on_read));
}

}  // namespace perdure::testing
