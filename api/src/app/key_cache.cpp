// SPDX-License-Identifier: Apache-2.0
#include "app/key_cache.hpp"

#include <cstring>

namespace perdure::api {

std::size_t KeyCache::Hasher::operator()(const Sha256& hash) const noexcept {
  std::size_t word = 0;
  std::memcpy(&word, hash.data(), sizeof word);  // any part of a digest is as good as a hash
  return word;
}

std::shared_ptr<KeyRecord> KeyCache::find(const Sha256& hash) const {
  const std::lock_guard lock{mutex_};
  const auto found = records_.find(hash);
  return found == records_.end() ? nullptr : found->second;
}

std::shared_ptr<KeyRecord> KeyCache::add(const Sha256& hash, std::shared_ptr<KeyRecord> record) {
  const std::lock_guard lock{mutex_};
  if (records_.size() >= size_max_ && !records_.contains(hash)) records_.erase(records_.begin());
  return records_.try_emplace(hash, std::move(record)).first->second;
}

void KeyCache::forget(const Sha256& hash) {
  const std::lock_guard lock{mutex_};
  records_.erase(hash);
}

}  // namespace perdure::api
