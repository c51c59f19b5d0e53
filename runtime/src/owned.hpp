// SPDX-License-Identifier: Apache-2.0
// Owned: work for CAF's scheduler that says whose it is, so that owners can take turns.
#pragma once

#include <caf/resumable.hpp>

#include "perdure/base/fair_queue.hpp"

namespace perdure::runtime {

/// Beside caf::resumable, for what the runtime hands to a scheduler.
///
/// Threads  any may ask, while something holds a reference.
class Owned {
 public:
  virtual ~Owned() = default;
  /// Whose turn it takes now. It may change from one slice to the next.
  [[nodiscard]] virtual OwnerKey owner() const = 0;
};

/// Of a resumable that does not say, such as CAF's own actors: an owner of its own.
[[nodiscard]] inline OwnerKey owner_of(const caf::resumable& work) {
  if (const auto* owned = dynamic_cast<const Owned*>(&work)) return owned->owner();
  return std::hash<const void*>{}(&work);
}

}  // namespace perdure::runtime
