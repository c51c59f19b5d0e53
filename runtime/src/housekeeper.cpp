// SPDX-License-Identifier: Apache-2.0
#include "housekeeper.hpp"

#include <algorithm>

namespace perdure::runtime {

namespace {

// How often an object's history is looked at: each so many records. A trim that finds something
// costs a sync of its own, so it should find much; but a short history is to stay short.
Seq records_between_looks(const Retention& retention) {
  return std::clamp<Seq>(retention.records_max / 8, 1, 1'024);
}
constexpr auto round_every = std::chrono::milliseconds{100};
// Making an actor costs a few microseconds, keeping one 1.4 KiB.
constexpr Milliseconds rest_after_max{10'000};

Result<std::vector<std::string>> changed_keys(const ObjectId& object,
                                              const storage::RecordRow& row) {
  PERDURE_TRY(record, decode_record(object, row));
  std::vector<std::string> keys;
  keys.reserve(record.entries.size());
  for (auto& entry : record.entries) keys.push_back(std::move(entry.key));
  return keys;
}

}  // namespace

Result<Seq> retention_floor(const Retention& retention, Seq first, Seq last, Timestamp now,
                            const std::function<Result<Timestamp>(Seq)>& time_of) {
  if (last < first || last - first + 1 <= retention.records) return first;
  // Every floor in [must, may] keeps the bounds on counts; age picks among them.
  const Seq may = last - retention.records + 1;
  const Seq must =
      std::max(first, last >= retention.records_max ? last - retention.records_max + 1 : first);
  Seq low = must;
  Seq high = may;
  while (low < high) {  // the first record in it that is young enough to stay
    const Seq middle = low + (high - low) / 2;
    PERDURE_TRY(time, time_of(middle));
    if (time <= now - retention.age) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Housekeeper::Housekeeper(storage::Store& store, Directory& directory, const Clock& clock,
                         const Times& times, Policy policy)
    : store_(store),
      directory_(directory),
      clock_(clock),
      times_(times),
      policy_(policy),
      records_between_looks_(records_between_looks(policy.retention)) {}

void Housekeeper::committed(Cell& cell, const Version& version) {
  if (version.meta.seq % records_between_looks_ != 0) return;
  if (version.meta.seq <= policy_.retention.records) return;
  if (!directory_.queue_trim(cell)) return;
  const std::scoped_lock lock{mutex_};
  to_trim_.push_back(cell.object);
}

void Housekeeper::step(std::size_t trims_max) {
  for (const auto& chore : chores_) chore();
  const auto idle_since = clock_.monotonic() - policy_.hibernate_after;
  directory_.sweep(idle_since, policy_.active_bytes_max);
  directory_.rest(clock_.monotonic() - std::min(rest_after_max, policy_.hibernate_after / 2));
  for (std::size_t i = 0; i < trims_max; ++i) {
    ObjectId object;
    {
      const std::scoped_lock lock{mutex_};
      if (to_trim_.empty() || stopping_) return;
      object = std::move(to_trim_.front());
      to_trim_.pop_front();
    }
    trim(object);
    directory_.trimmed(object);
  }
}

void Housekeeper::trim(const ObjectId& object) {
  // A failing read or trim leaves old versions where they are; the next look tries again.
  const auto first = store_.floor(object);
  const auto last = store_.last_record(object);
  if (!first || !last || !*last) return;
  const auto time_of = [&](Seq seq) -> Result<Timestamp> {
    PERDURE_TRY(row, store_.record(object, seq));
    PERDURE_TRY(record, decode_record(object, row));
    return record.meta.updated_at;
  };
  const auto floor = retention_floor(policy_.retention, *first, (*last)->seq,
                                     times_.sure(policy_.retention.age), time_of);
  if (floor && *floor > *first) static_cast<void>(store_.trim(object, *floor, changed_keys));
}

void Housekeeper::run() {
  for (;;) {
    step();
    std::unique_lock lock{mutex_};
    if (woken_.wait_for(lock, round_every, [this] { return stopping_; })) return;
  }
}

void Housekeeper::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  woken_.notify_one();
}

}  // namespace perdure::runtime
