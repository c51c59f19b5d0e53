// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/idle_iterators.hpp"

#include <utility>

namespace perdure::storage {

namespace {

class Outdating final : public rocksdb::EventListener {
 public:
  explicit Outdating(std::shared_ptr<IdleIterators> iterators) : iterators_(std::move(iterators)) {}
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    iterators_->outdate();
  }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    iterators_->outdate();
  }

 private:
  const std::shared_ptr<IdleIterators> iterators_;
};

}  // namespace

IdleIterators::Lookup IdleIterators::take() {
  Lookup taken;
  {
    const std::scoped_lock lock{mutex_};
    if (idle_.empty()) return taken;
    taken = std::move(idle_.back());
    idle_.pop_back();
  }
  if (taken.made != present() || !taken.rows->Refresh().ok()) taken.rows.reset();
  return taken;
}

void IdleIterators::give_back(Lookup lookup) {
  // After an error it has no place that a refresh could leave; RocksDB does not promise any.
  if (lookup.made != present() || !lookup.rows->status().ok()) return;
  const std::scoped_lock lock{mutex_};
  if (closed_ || idle_.size() >= kept_max) return;
  idle_.push_back(std::move(lookup));
}

void IdleIterators::let_go() {
  const auto now = present();
  if (looked_at_.exchange(now) == now) return;
  std::vector<Lookup> gone;  // destroyed outside the lock
  const std::scoped_lock lock{mutex_};
  gone.swap(idle_);
}

void IdleIterators::close() {
  std::vector<Lookup> gone;
  const std::scoped_lock lock{mutex_};
  closed_ = true;
  gone.swap(idle_);
}

std::shared_ptr<rocksdb::EventListener> outdating(const std::shared_ptr<IdleIterators>& iterators) {
  return std::make_shared<Outdating>(iterators);
}

}  // namespace perdure::storage
