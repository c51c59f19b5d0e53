// SPDX-License-Identifier: Apache-2.0
#include "perdure/storage/reopening_store.hpp"

#include <mutex>
#include <utility>

#include "perdure/base/watched_mutex.hpp"

namespace perdure::storage {
namespace {

Unexpected closed() {
  Error error{.code = ErrorCode::unavailable,
              .detail = "the store is being opened again; nothing was changed"};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

}  // namespace

template <class Use>
auto ReopeningStore::with_store(const Use& use) const -> decltype(use(std::declval<Store&>())) {
  check_holds_no_lock("a lock is held over a call of the store");
  if (closing_.load(std::memory_order_acquire)) return closed();
  const std::shared_lock lock{mutex_};
  if (!store_) return closed();
  return use(*store_);
}

ReopeningStore::ReopeningStore(std::unique_ptr<Store> store, std::shared_ptr<StoreFactory> factory,
                               StoreRequest request)
    : factory_(std::move(factory)),
      request_(std::move(request)),
      read_cost_(store->read_cost()),
      epoch_(store->epoch()),
      line_(store->line()),
      store_(std::move(store)) {}

Result<std::unique_ptr<ReopeningStore>> ReopeningStore::open(std::shared_ptr<StoreFactory> factory,
                                                             StoreRequest request) {
  PERDURE_TRY(store, factory->open(request));
  return std::unique_ptr<ReopeningStore>{
      new ReopeningStore{std::move(store), std::move(factory), std::move(request)}};
}

Result<bool> ReopeningStore::recover() {
  if (health() != Health::no_space || !factory_->has_room()) return false;
  // What is opened again must be what was opened before.
  if (store_ && !look()) return false;
  closing_.store(true, std::memory_order_release);
  const std::unique_lock lock{mutex_};
  // The old one first: a directory has one owner.
  store_.reset();
  auto opened = factory_->open(request_);
  if (opened) {
    store_ = std::move(*opened);
    epoch_.store(store_->epoch());
    line_.store(store_->line());
  }
  closing_.store(false, std::memory_order_release);
  if (!opened) return fail(std::move(opened).error());
  return true;
}

Health ReopeningStore::health() const {
  if (closing_.load(std::memory_order_acquire)) return Health::no_space;
  const std::shared_lock lock{mutex_};
  return store_ ? store_->health() : Health::no_space;
}

Result<void> ReopeningStore::look() {
  return with_store([](Store& store) { return store.look(); });
}

std::vector<Outcome> ReopeningStore::commit(std::span<const Unit> units, Timestamp now) {
  using Outcomes = std::vector<Outcome>;
  auto outcomes =
      with_store([&](Store& store) -> Result<Outcomes> { return store.commit(units, now); });
  if (outcomes) return std::move(*outcomes);
  Outcomes refused;
  refused.reserve(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) refused.emplace_back(fail(outcomes.error()));
  return refused;
}

Result<std::optional<RecordRow>> ReopeningStore::last_record(const ObjectId& id) const {
  return with_store([&](const Store& store) { return store.last_record(id); });
}

Result<RecordRow> ReopeningStore::record(const ObjectId& id, Seq seq) const {
  return with_store([&](const Store& store) { return store.record(id, seq); });
}

Result<std::vector<RecordRow>> ReopeningStore::journal(const ObjectId& id, Seq from, Seq until,
                                                       Direction direction,
                                                       std::size_t limit) const {
  return with_store(
      [&](const Store& store) { return store.journal(id, from, until, direction, limit); });
}

Result<Seq> ReopeningStore::floor(const ObjectId& id) const {
  return with_store([&](const Store& store) { return store.floor(id); });
}

Result<std::optional<EntryRow>> ReopeningStore::entry(const ObjectId& id, std::string_view key,
                                                      Seq as_of) const {
  return with_store([&](const Store& store) { return store.entry(id, key, as_of); });
}

Result<std::vector<EntryRow>> ReopeningStore::entries(const ObjectId& id, const KeyRange& range,
                                                      Seq as_of, Gaps* gaps) const {
  return with_store([&](const Store& store) { return store.entries(id, range, as_of, gaps); });
}

Result<void> ReopeningStore::walk_index(std::string_view kind, std::string_view index,
                                        const KeyRange& range, const std::optional<IndexRow>& after,
                                        const IndexReader& read) const {
  return with_store(
      [&](const Store& store) { return store.walk_index(kind, index, range, after, read); });
}

Result<std::optional<std::string>> ReopeningStore::claim(const ClaimKey& key, Timestamp now) const {
  return with_store([&](const Store& store) { return store.claim(key, now); });
}

Result<std::uint64_t> ReopeningStore::count(std::string_view name) const {
  return with_store([&](const Store& store) { return store.count(name); });
}

Result<std::vector<AlarmPlace>> ReopeningStore::alarms_due(
    Timestamp until, std::size_t limit, const std::optional<AlarmPlace>& after) const {
  return with_store([&](const Store& store) { return store.alarms_due(until, limit, after); });
}

Result<std::optional<AlarmRow>> ReopeningStore::alarm(const ObjectId& id,
                                                      std::string_view name) const {
  return with_store([&](const Store& store) { return store.alarm(id, name); });
}

Result<std::vector<AlarmRow>> ReopeningStore::alarms(const ObjectId& id, std::string_view from,
                                                     std::size_t limit) const {
  return with_store([&](const Store& store) { return store.alarms(id, from, limit); });
}

Result<std::vector<EventRow>> ReopeningStore::events(std::uint64_t from, std::size_t limit) const {
  return with_store([&](const Store& store) { return store.events(from, limit); });
}

Result<EventRange> ReopeningStore::event_range() const {
  return with_store([&](const Store& store) { return store.event_range(); });
}

Result<void> ReopeningStore::trim_events(std::uint64_t first) {
  return with_store([&](Store& store) { return store.trim_events(first); });
}

Result<void> ReopeningStore::drop_events(const EventGap& gap) {
  return with_store([&](Store& store) { return store.drop_events(gap); });
}

Result<std::vector<OutboxRow>> ReopeningStore::outbox(std::uint64_t from, std::size_t limit) const {
  return with_store([&](const Store& store) { return store.outbox(from, limit); });
}

Result<std::vector<PinRow>> ReopeningStore::pins(const ObjectId& id, Seq from,
                                                 std::size_t limit) const {
  return with_store([&](const Store& store) { return store.pins(id, from, limit); });
}

Result<Trimmed> ReopeningStore::trim(const ObjectId& id, Seq floor,
                                     const ChangedKeys& changed_keys) {
  return with_store([&](Store& store) { return store.trim(id, floor, changed_keys); });
}

Result<std::vector<std::string>> ReopeningStore::kinds() const {
  return with_store([](const Store& store) { return store.kinds(); });
}

Result<std::size_t> ReopeningStore::erase_rows(const RowGroup& group, std::size_t limit) {
  return with_store([&](Store& store) { return store.erase_rows(group, limit); });
}

std::vector<ReadAnswer> ReopeningStore::read(std::span<const Read> reads) const {
  using Answers = std::vector<ReadAnswer>;
  auto answers =
      with_store([&](const Store& store) -> Result<Answers> { return store.read(reads); });
  // Closed: each read says so by itself.
  return answers ? std::move(*answers) : StoreReader::read(reads);
}

StoreStats ReopeningStore::stats() const {
  const auto stats =
      with_store([](const Store& store) -> Result<StoreStats> { return store.stats(); });
  return stats ? *stats : StoreStats{};
}

}  // namespace perdure::storage
