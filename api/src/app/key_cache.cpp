// SPDX-License-Identifier: Apache-2.0
#include "app/key_cache.hpp"

namespace perdure::api {

std::shared_ptr<KeyRecord> KeyCache::find(std::string_view secret) const {
  const auto tag = siphash(tag_key_, secret);
  const std::lock_guard lock{mutex_};
  const auto found = records_.find(tag);
  return found == records_.end() ? nullptr : found->second;
}

std::shared_ptr<KeyRecord> KeyCache::add(std::string_view secret,
                                         std::shared_ptr<KeyRecord> record) {
  const auto tag = siphash(tag_key_, secret);
  const std::lock_guard lock{mutex_};
  if (records_.size() >= size_max_ && !records_.contains(tag)) records_.erase(records_.begin());
  return records_.try_emplace(tag, std::move(record)).first->second;
}

void KeyCache::forget(std::string_view secret) {
  const auto tag = siphash(tag_key_, secret);
  const std::lock_guard lock{mutex_};
  records_.erase(tag);
}

}  // namespace perdure::api
