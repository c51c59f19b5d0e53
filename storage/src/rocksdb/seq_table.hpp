// SPDX-License-Identifier: Apache-2.0
// The last seqs of the objects that committed lately, so that a commit need not read them.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>

#include "perdure/base/object_id.hpp"

namespace perdure::storage {

/// Two generations: what is used moves to the young one, and when that is full the old one goes. It
/// forgets about the least recently used, without a list to keep in order.
///
/// Threads  one at a time.
/// Limits   twice `generation_max` objects, and those of one batch.
class SeqTable {
 public:
  explicit SeqTable(std::size_t generation_max) : generation_max_(generation_max) {}

  [[nodiscard]] std::optional<Seq> find(const ObjectId& object) {
    if (const auto found = young_.find(object); found != young_.end()) return found->second;
    const auto found = old_.find(object);
    if (found == old_.end()) return {};
    const Seq seq = found->second;
    young_.insert(old_.extract(found));
    return seq;
  }

  void put(const ObjectId& object, Seq seq) { young_.insert_or_assign(object, seq); }

  /// Between batches only: a batch must find what it has put.
  void age() {
    if (young_.size() < generation_max_) return;
    old_ = std::exchange(young_, {});
  }

 private:
  using Generation = std::unordered_map<ObjectId, Seq>;
  const std::size_t generation_max_;
  Generation young_;
  Generation old_;
};

}  // namespace perdure::storage
