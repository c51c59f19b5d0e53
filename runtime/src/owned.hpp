// SPDX-License-Identifier: Apache-2.0
// Owned: work for CAF's scheduler that says whose it is, so that owners can take turns.
#pragma once

#include <caf/resumable.hpp>
#include <cstddef>
#include <optional>
#include <typeinfo>

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

/// `work` as what says whose it is; null: it does not say. A class has its Owned at one place, so
/// the cast, which walks up CAF's many bases, is made once for work of the same class in a row.
[[nodiscard]] inline const Owned* as_owned(const caf::resumable& work) {
  struct Last {
    const std::type_info* type = nullptr;
    std::optional<std::ptrdiff_t> place = {};
  };
  thread_local Last last;
  const auto* start = reinterpret_cast<const std::byte*>(&work);
  if (last.type == nullptr || *last.type != typeid(work)) {
    const auto* owned = dynamic_cast<const Owned*>(&work);
    last = {.type = &typeid(work)};
    if (owned != nullptr) last.place = reinterpret_cast<const std::byte*>(owned) - start;
  }
  return last.place ? reinterpret_cast<const Owned*>(start + *last.place) : nullptr;
}

/// Of a resumable that does not say, such as CAF's own actors: an owner of its own.
[[nodiscard]] inline OwnerKey owner_of(const caf::resumable& work) {
  if (const auto* owned = as_owned(work)) return owned->owner();
  return std::hash<const void*>{}(&work);
}

}  // namespace perdure::runtime
