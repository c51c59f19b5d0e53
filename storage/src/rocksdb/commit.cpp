// SPDX-License-Identifier: Apache-2.0
// Group commit: all units into one batch, one write, one sync.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "commit_check.hpp"
#include "keys.hpp"
#include "rocksdb/scrub.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

constexpr std::size_t seq_generation_max = 32u << 10;  // so at most 64K objects: about 10 MB
/// After so many commits ACKED is synced: one sync in a thousand, and at most as many commits that
/// a log lost with the machine could drop unnoticed.
constexpr std::uint64_t commits_per_acked_sync = 1000;

bool erases_past(const Unit& unit) {
  return std::ranges::any_of(
      unit.write_sets, [](const WriteSet& write_set) { return write_set.past == Past::erased; });
}

bool touches_retention(std::span<const Unit> units) {
  for (const auto& unit : units) {
    for (const auto& write_set : unit.write_sets) {
      if (!write_set.pins.empty() || write_set.past == Past::erased) return true;
    }
  }
  return false;
}

Committed committed(const rows::CommitContent& before, const rows::CommitContent& after) {
  const auto first = [](std::uint64_t from, std::uint64_t to) { return to > from ? from + 1 : 0; };
  return {.commit_number = after.number,
          .first_event_position = first(before.last_event, after.last_event),
          .first_outbox_position = first(before.last_send, after.last_send)};
}

}  // namespace

/// What is committed, and what the units before have put into the batch.
class RocksdbStore::BatchState final : public CommitState {
 public:
  BatchState(RocksdbStore& store, Timestamp now)
      : store_(store), now_(now), commit_(store.opened_.last_commit) {
    ++commit_.number;
  }

  Result<Seq> last_seq(const ObjectId& object) override {
    if (const auto seq = store_.seqs_.find(object)) return *seq;
    PERDURE_TRY(seq, store_.read_last_seq(object));
    store_.seqs_.put(object, seq);
    return seq;
  }

  Result<Seq> floor_of(const ObjectId& object) override {
    if (const auto raised = floors_.find(object); raised != floors_.end()) return raised->second;
    return store_.floor_at(keys::object_prefix(object));
  }

  Result<bool> is_claimed(const ClaimKey& claim, Timestamp now) override {
    const auto key = keys::claim(claim.space, claim.key);
    if (const auto found = claims_.find(key); found != claims_.end()) return found->second;
    PERDURE_TRY(content, store_.database().get(rows::Table::claims, key));
    if (!content) return false;
    const auto held = rows::parse_claim(*content);
    if (!held) return rows::misshapen(rows::Table::claims, key);
    return !held->expired(now);
  }

  Result<bool> is_waiting(std::uint64_t position) override {
    if (taken_.contains(position)) return false;
    if (position > store_.opened_.last_commit.last_send) return position <= commit_.last_send;
    PERDURE_TRY(content, store_.database().get(rows::Table::outbox, keys::at_position(position)));
    return content.has_value();
  }

  Result<std::uint64_t> count_of(const std::string& name) override {
    if (const auto found = counts_.find(name); found != counts_.end()) return found->second;
    PERDURE_TRY(count, store_.count(name));
    counts_.emplace(name, count);
    return count;
  }

  void take(std::uint64_t position) { taken_.insert(position); }

  /// Of a unit that was checked, so that the count is known.
  void add(const CountChange& change) {
    auto& count = counts_.at(change.name);
    count = add_to_count(count, change);
    counted_.insert(change.name);
  }
  [[nodiscard]] std::uint64_t known_count(const std::string& name) const {
    return counts_.at(name);
  }
  [[nodiscard]] const std::set<std::string>& counted() const { return counted_; }

  void hold_claim(std::string key, const std::optional<Timestamp>& expires) {
    claims_[std::move(key)] = !expires || *expires > now_;
  }
  void release_claim(std::string key) { claims_[std::move(key)] = false; }

  void raise_floor(const ObjectId& object, Seq floor) { floors_[object] = floor; }

  [[nodiscard]] rows::CommitContent& commit() { return commit_; }

 private:
  RocksdbStore& store_;
  const Timestamp now_;
  rows::CommitContent commit_;
  std::unordered_map<std::string, bool> claims_;  ///< held or not, by the units before
  std::unordered_set<std::uint64_t> taken_;       ///< by the units before
  std::unordered_map<ObjectId, Seq> floors_;      ///< raised by the units before
  std::map<std::string, std::uint64_t> counts_;   ///< as the units before have left them
  std::set<std::string> counted_;                 ///< those that the units before have changed
};

RocksdbStore::RocksdbStore(OpenedStore opened, Durability durability,
                           std::shared_ptr<WriteGate> gate)
    : opened_(std::move(opened)),
      durability_(durability),
      gate_(std::move(gate)),
      seqs_(seq_generation_max),
      cleaned_(seq_generation_max) {}

RocksdbStore::~RocksdbStore() {
  // RocksDB deletes what it does not know when it is closed.
  const bool is_displaced =
      opened_.lock.access() == Access::own && compare().found == Look::Found::displaced;
  if (is_displaced) opened_.tuning.names->freeze();
  if (!gate_->is_open()) return;
  // After this the machine may lose power and nothing is in doubt. A failure here costs no
  // acknowledged commit: the log is read back and compared at the next start.
  if (!database().db().SyncWAL().ok()) return;
  if (!opened_.acked.write(opened_.last_commit.number)) return;
  if (!opened_.acked.sync() || is_displaced) return;
  const auto scrubbed = scrub(database(), opened_.scrub_bytes_max);
  if (!scrubbed || *scrubbed != Scrubbed::all || !gate_->is_open()) return;
  // The manifest has named keys at the ends of files that are no more: an opening writes another.
  const auto root = opened_.lock.root().string();
  opened_.database.reset();
  static_cast<void>(Database::open(root, opened_.tuning, Database::Mode::read_write));
}

std::vector<Outcome> RocksdbStore::commit(std::span<const Unit> units, Timestamp now) {
  if (!gate_->is_open()) return stop_writes(rocksdb::Status::OK(), units.size());
  std::unique_lock<std::mutex> retention;
  if (touches_retention(units)) retention = std::unique_lock{retention_mutex_};
  batch_.Clear();
  index_rows_.clear();
  BatchState state{*this, now};
  bool admitted = false;
  bool is_synced = false;
  std::vector<Outcome> outcomes;
  outcomes.reserve(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& unit = units[i];
    auto checked =
        check_unit(unit, {.epoch = opened_.epoch, .now = now, .earlier = units.first(i)}, state);
    if (checked && erases_past(unit)) checked = append_erasures(unit);
    if (!checked) {
      outcomes.emplace_back(fail(std::move(checked).error()));
      continue;
    }
    const auto before = state.commit();
    append(unit, state);
    admitted = true;
    is_synced |= unit.sync == Sync::before_answer;
    outcomes.emplace_back(committed(before, state.commit()));
  }
  if (!admitted) return outcomes;

  index_rows_.move_to(database(), batch_);
  append_counts(state);
  database().put(batch_, rows::Table::meta, keys::commit, rows::commit_content(state.commit()));
  rocksdb::WriteOptions write;
  write.sync = is_synced && durability_ == Durability::sync;
  const auto status = database().write(write, batch_);
  if (!status.ok()) return stop_writes(status, units.size());
  opened_.last_commit = state.commit();
  commits_.fetch_add(1, std::memory_order_relaxed);
  if (write.sync) acknowledge();  // ACKED names what was synced; closing syncs the rest
  seqs_.age();
  if (to_unix_ms(now) > opened_.tuning.clock->load()) opened_.tuning.clock->store(to_unix_ms(now));
  database().tidy();
  return outcomes;
}

std::vector<Outcome> RocksdbStore::stop_writes(const rocksdb::Status& status,
                                               std::size_t unit_count) {
  Error error{.code = ErrorCode::outcome_unknown,
              .detail = "a write failed, and writes have stopped"};
  if (!status.ok()) {
    error.detail = fail_status("the write failed, and writes have stopped", status).error.detail;
    gate_->close(status, error);
  }
  std::vector<Outcome> outcomes;
  outcomes.reserve(unit_count);
  for (std::size_t i = 0; i < unit_count; ++i) outcomes.emplace_back(fail(error));
  return outcomes;
}

void RocksdbStore::acknowledge() {
  syncs_.fetch_add(1, std::memory_order_relaxed);
  auto written = opened_.acked.write(opened_.last_commit.number);
  acknowledged_.store(opened_.last_commit.number, std::memory_order_release);
  if (written && ++commits_since_acked_sync_ >= commits_per_acked_sync) {
    commits_since_acked_sync_ = 0;
    written = opened_.acked.sync();
  }
  // This batch is durable all the same; but the next ones could be lost unnoticed.
  if (!written) gate_->close(written.error());
}

void RocksdbStore::append(const Unit& unit, BatchState& state) {
  for (const auto& write_set : unit.write_sets) {
    const auto prefix = keys::object_prefix(write_set.object);
    const Seq seq = write_set.expected_seq + 1;
    if (write_set.past == Past::erased) {
      state.raise_floor(write_set.object, seq);
      note_erasure(write_set.object.kind);
    }
    if (write_set.record) {
      database().put(batch_, rows::Table::records, keys::at_seq(prefix, seq), *write_set.record);
      seqs_.put(write_set.object, seq);
    }
    for (const auto& entry : write_set.entries) {
      database().put(batch_, rows::Table::entries,
                     keys::at_seq(keys::entry_prefix(prefix, entry.key), seq),
                     rows::entry_content(entry.value));
    }
    for (const auto& change : write_set.indexes) index_rows_.add(write_set.object, change);
    append_alarms(write_set, prefix);
    for (const auto& event : write_set.events) {
      database().put(batch_, rows::Table::events, keys::at_position(++state.commit().last_event),
                     event);
    }
    append_outbox(write_set, state);
    append_claims(write_set, state);
    append_pins(write_set, prefix);
    for (const auto& change : write_set.counts) state.add(change);
  }
}

void RocksdbStore::note_erasure(const std::string& kind) {
  if (!unscrubbed_.insert(kind).second) return;
  database().put(batch_, rows::Table::meta, keys::unscrubbed(kind), rows::number_content(1));
}

void RocksdbStore::append_counts(const BatchState& state) {
  for (const auto& name : state.counted()) {
    const auto key = keys::count(name);
    const auto count = state.known_count(name);
    if (count > 0) {
      database().put(batch_, rows::Table::meta, key, rows::number_content(count));
    } else {
      database().erase(batch_, rows::Table::meta, key);
    }
  }
}

void RocksdbStore::append_alarms(const WriteSet& write_set, std::string_view prefix) {
  for (const auto& change : write_set.alarms) {
    const auto key = keys::alarm(prefix, change.name);
    if (change.previous_due) {
      database().erase(batch_, rows::Table::due,
                       keys::due(*change.previous_due, prefix, change.name));
    }
    if (change.due) {
      database().put(batch_, rows::Table::alarms, key,
                     rows::alarm_content(*change.due, change.body));
      database().put(batch_, rows::Table::due, keys::due(*change.due, prefix, change.name),
                     change.body);
    } else {
      database().erase(batch_, rows::Table::alarms, key);
    }
  }
}

void RocksdbStore::append_outbox(const WriteSet& write_set, BatchState& state) {
  for (const auto position : write_set.takes) {
    database().erase(batch_, rows::Table::outbox, keys::at_position(position));
    state.take(position);
  }
  for (const auto& body : write_set.sends) {
    const auto position = ++state.commit().last_send;
    database().put(batch_, rows::Table::outbox, keys::at_position(position), body);
  }
}

void RocksdbStore::append_claims(const WriteSet& write_set, BatchState& state) {
  for (const auto& release : write_set.releases) {
    auto key = keys::claim(release.space, release.key);
    database().erase(batch_, rows::Table::claims, key);
    state.release_claim(std::move(key));
  }
  for (const auto& claim : write_set.claims) {
    auto key = keys::claim(claim.space, claim.key);
    database().put(batch_, rows::Table::claims, key, rows::claim_content(claim));
    state.hold_claim(std::move(key), claim.expires);
  }
}

void RocksdbStore::append_pins(const WriteSet& write_set, std::string_view prefix) {
  for (const auto& pin : write_set.pins) {
    const auto key = keys::pin(prefix, pin.seq);
    if (pin.body) {
      database().put(batch_, rows::Table::pins, key, *pin.body);
    } else {
      database().erase(batch_, rows::Table::pins, key);
      cleaned_.put(write_set.object, 1);
    }
  }
}

}  // namespace perdure::storage
