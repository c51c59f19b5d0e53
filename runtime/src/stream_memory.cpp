// SPDX-License-Identifier: Apache-2.0
#include "stream_memory.hpp"

#include <algorithm>

namespace perdure::runtime {

Result<StreamTail> StreamMemory::tail(const storage::StoreReader& store, const ObjectId& object,
                                      std::string_view name) const {
  if (const auto found = tails_.find(name); found != tails_.end()) return found->second;
  return load_tail(store, object, name);
}

Result<std::uint64_t> StreamMemory::counted(const storage::StoreReader& store,
                                            const ObjectId& object) {
  if (!counted_) {
    PERDURE_TRY(bytes, store.count(stream_count(object)));
    counted_ = bytes;
  }
  return *counted_;
}

std::vector<std::string> StreamMemory::keys_on_their_way(std::string_view prefix) const {
  std::vector<std::string> keys;
  for (const auto& put : puts_) {
    if (put.key.starts_with(prefix)) keys.push_back(put.key);
  }
  return keys;
}

void StreamMemory::decided(const StreamDecision& decision, const storage::WriteSet& write_set,
                           std::uint64_t submission) {
  if (decision.drops_all) tails_.clear();
  for (const auto& [name, tail] : decision.tails) tails_.insert_or_assign(name, tail);
  if (counted_) *counted_ += static_cast<std::uint64_t>(decision.counted);
  for (const auto& change : write_set.indexes) {
    if (change.index != index_names::stream) continue;
    if (change.op == storage::IndexChange::Op::put) puts_.push_back({submission, change.key});
  }
}

void StreamMemory::forget(std::uint64_t settled) {
  if (puts_.empty() && tails_.size() <= streams_kept_max) return;
  const auto later =
      std::ranges::find_if(puts_, [settled](const Put& put) { return put.submission > settled; });
  puts_.erase(puts_.begin(), later);
  // What is on the disk is found there.
  if (puts_.empty() && tails_.size() > streams_kept_max) tails_.clear();
}

void StreamMemory::clear() {
  tails_.clear();
  puts_.clear();
  counted_.reset();
}

std::string stream_count(const ObjectId& object) {
  std::string name{"stream_bytes."};
  name += object.kind;
  name += '\0';
  name += object.id;
  return name;
}

}  // namespace perdure::runtime
