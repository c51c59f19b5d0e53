// SPDX-License-Identifier: Apache-2.0
// SeqWatch: the cheapest way to ask whether an object has changed.
#pragma once

#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "perdure/base/object_id.hpp"

namespace perdure {

/// Follows the durable seq of one active object: what was derived from the object at this seq still
/// holds. Once the object has been hibernated a watch stays silent, and a new one has to be asked
/// for (Runtime::watch). Watching does not count as a use.
///
/// Threads   any.
/// Lifetime  may outlive the object's activation and its runtime.
class SeqWatch {
 public:
  /// What `seq` points to while there is nothing to tell.
  static constexpr Seq silent = std::numeric_limits<Seq>::max();

  SeqWatch() = default;
  explicit SeqWatch(std::shared_ptr<const std::atomic<Seq>> seq) : seq_(std::move(seq)) {}

  /// The object's newest durable seq (0: it has no record yet); none when the watch is silent.
  [[nodiscard]] std::optional<Seq> seq() const {
    const auto seen = seq_ ? seq_->load(std::memory_order_acquire) : silent;
    return seen == silent ? std::optional<Seq>{} : seen;
  }

 private:
  std::shared_ptr<const std::atomic<Seq>> seq_;  // shared with the activation that moves it
};

}  // namespace perdure
