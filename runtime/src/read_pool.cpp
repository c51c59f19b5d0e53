// SPDX-License-Identifier: Apache-2.0
#include "read_pool.hpp"

#include <iterator>
#include <mutex>
#include <utility>

namespace perdure::runtime {

void ReadPool::fetch(OwnerKey owner, Fetch fetch) {
  PERDURE_CHECK(!fetch.reads.empty(), "a fetch of nothing");
  {
    const std::scoped_lock lock{mutex_};
    PERDURE_CHECK(waiting_.push(owner, std::move(fetch)) == Queued::yes, "it has no bound");
  }
  arrived_.notify_one();
}

ReadPool::Batch ReadPool::take_locked(std::size_t reads_max) {
  Batch batch;
  for (std::size_t reads = 0; reads < reads_max;) {
    auto taken = waiting_.take();
    if (!taken) break;
    const auto cost = taken->item.reads.size();
    waiting_.finish(taken->owner, cost);
    reads += cost;
    batch.fetches.push_back(std::move(taken->item));
  }
  return batch;
}

ReadPool::Batch ReadPool::take(std::size_t reads_max) {
  const std::scoped_lock lock{mutex_};
  return take_locked(reads_max);
}

void ReadPool::read(Batch& batch) const {
  std::vector<storage::Read> all;
  for (const auto& fetch : batch.fetches) {
    all.insert(all.end(), fetch.reads.begin(), fetch.reads.end());
  }
  batch.answers = store_.read(all);
  PERDURE_CHECK(batch.answers.size() == all.size(), "one answer for each read");
}

void ReadPool::deliver(Batch batch) {
  auto next = batch.answers.begin();
  for (auto& fetch : batch.fetches) {
    const auto end = next + static_cast<std::ptrdiff_t>(fetch.reads.size());
    std::vector<storage::ReadAnswer> answers{std::make_move_iterator(next),
                                             std::make_move_iterator(end)};
    next = end;
    fetch.done(std::move(fetch.reads), std::move(answers));
  }
}

void ReadPool::run() {
  for (;;) {
    Batch batch;
    {
      std::unique_lock lock{mutex_};
      arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      batch = take_locked(batch_reads_max);
    }
    if (batch.fetches.empty()) return;
    read(batch);
    deliver(std::move(batch));
  }
}

void ReadPool::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  waiting_.check_invariants();
}

void ReadPool::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  arrived_.notify_all();
}

}  // namespace perdure::runtime
