// SPDX-License-Identifier: Apache-2.0
// Recovery: goes on after a full disk. The store is opened again once there is room, and all
// activations of the epoch before are dropped.
#pragma once

#include "agenda.hpp"
#include "directory.hpp"
#include "flows.hpp"
#include "perdure/storage/reopening_store.hpp"

namespace perdure::runtime {

/// Threads  one, the housekeeper's.
class Recovery {
 public:
  /// All must outlive it.
  struct Around {
    storage::ReopeningStore& store;
    Directory& directory;
    Agenda& agenda;
    Flows& flows;
    EveryHook& hooks;
  };
  /// Between the two halves other threads go on, and so may others that are stepped.
  enum class Halves { in_one_step, in_two_steps };

  Recovery(Around around, Halves halves) : around_(around), halves_(halves) {}

  void step();
  /// The store was opened again, and the activations of the epoch before are still there.
  [[nodiscard]] bool is_between_epochs() const { return opened_again_; }

 private:
  const Around around_;
  const Halves halves_;
  bool opened_again_ = false;
};

}  // namespace perdure::runtime
