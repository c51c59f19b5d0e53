// SPDX-License-Identifier: Apache-2.0
#include "tally.hpp"

#include "quota.hpp"

namespace perdure::runtime {

namespace {

/// With their payloads they may be large, so not all of them are in memory at once.
constexpr std::size_t alarms_at_once = 100;

}  // namespace

Result<std::size_t> Tally::alarms(const storage::StoreReader& store, const ObjectId& object,
                                  const PendingAlarms& pending) {
  if (alarms_) return *alarms_;
  auto count = pending.standing();
  std::string from;
  for (;;) {
    PERDURE_TRY(rows, store.alarms(object, from, alarms_at_once));
    for (const auto& row : rows) {
      if (pending.find(row.name) == nullptr) ++count;
    }
    if (rows.size() < alarms_at_once) break;
    from = rows.back().name + '\0';
  }
  alarms_ = count;
  return count;
}

Result<const std::set<Seq>*> Tally::pins(const storage::StoreReader& store,
                                         const ObjectId& object) {
  if (!pins_) {
    PERDURE_TRY(rows, store.pins(object));
    pins_.emplace();
    for (const auto& row : rows) pins_->insert(row.seq);
  }
  return &*pins_;
}

Result<std::uint64_t> Tally::entry_bytes(const storage::StoreReader& store,
                                         const ObjectId& object) {
  if (!entry_bytes_) {
    PERDURE_TRY(bytes, store.count(entry_count(object)));
    entry_bytes_ = bytes;
  }
  return *entry_bytes_;
}

void Tally::decided(const storage::WriteSet& write_set) {
  if (entry_bytes_ && !write_set.counts.empty()) {
    const auto name = entry_count(write_set.object);
    for (const auto& change : write_set.counts) {
      if (change.name == name) *entry_bytes_ += static_cast<std::uint64_t>(change.by);
    }
  }
  if (write_set.past == storage::Past::erased) {
    alarms_ = 0;
    pins_.emplace();
    return;
  }
  if (alarms_) {
    for (const auto& change : write_set.alarms) {
      if (change.due && !change.previous_due) ++*alarms_;
      if (!change.due && change.previous_due) --*alarms_;
    }
  }
  if (!pins_) return;
  for (const auto& pin : write_set.pins) {
    if (pin.body) {
      pins_->insert(pin.seq);
    } else {
      pins_->erase(pin.seq);
    }
  }
}

void Tally::forget() {
  alarms_.reset();
  pins_.reset();
  entry_bytes_.reset();
}

}  // namespace perdure::runtime
