// SPDX-License-Identifier: Apache-2.0
// Members: what an activation has beside its state (KindBuilder::members). They are made when a
// turn first asks, and let go of with the cell, or when a turn that may have changed them has not
// come to be: then they are made anew of what is durable, before that turn runs again.
#pragma once

#include <atomic>
#include <memory>
#include <typeinfo>

#include "version.hpp"

namespace perdure::runtime {

/// Threads  one at a time (the activation's); `bytes` any.
/// Costs    a few words in each cell, until they are made.
class Members {
 public:
  explicit Members(const KindDefinition& kind) : kind_(kind) {}
  ~Members() { let_go(); }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  /// Errors: internal (the kind has none, or of another type).
  [[nodiscard]] Result<void*> find(const std::type_info& type, const Version& newest);
  /// A turn has run, and may have changed how large they are.
  void measure() {
    if (made_) bytes_.store(kind_.members->bytes(made_->members.get()), std::memory_order_relaxed);
  }
  void let_go();
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Made {
    std::shared_ptr<void> members;  // shared: of a type that only the kind knows
    ObjectMeta meta;                ///< that they were made for
  };

  const KindDefinition& kind_;
  std::unique_ptr<Made> made_;
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace perdure::runtime
