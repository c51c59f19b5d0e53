// SPDX-License-Identifier: Apache-2.0
// LoadJob: brings an object into memory for a query that only wants to look at it. An object gets
// an actor with the first call that has to take turns with others.
//
// Each load is work of its own for the scheduler, in the name of the caller: so callers take turns
// at loading, too, among each other and with the turns of objects.
#pragma once

#include <caf/ref_counted.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <functional>

#include "envelope.hpp"
#include "handover.hpp"
#include "owned.hpp"

namespace perdure::runtime {

/// Lifetime  the scheduler's, until it has run once.
class LoadJob final : public caf::resumable, public caf::ref_counted, public Owned {
 public:
  using Load = std::function<void(Envelope&)>;

  /// Has `scheduler` run `load` with an envelope whose cell is counted, and not loaded yet.
  static void schedule(caf::scheduler::abstract_coordinator& scheduler, EnvelopePtr envelope,
                       OwnerKey owner, Load load) {
    auto* job = new LoadJob(std::move(envelope), owner,
                            std::move(load));  // counted once: for the scheduler
    handed_over(job);
    scheduler.enqueue(job);
  }

  [[nodiscard]] OwnerKey owner() const override { return owner_; }

  subtype_t subtype() const override { return function_object; }
  resume_result resume(caf::execution_unit*, std::size_t) override {
    taken_over(this);
    load_(*envelope_);
    return done;
  }
  void intrusive_ptr_add_ref_impl() override { intrusive_ptr_add_ref(this); }
  void intrusive_ptr_release_impl() override { intrusive_ptr_release(this); }

 private:
  LoadJob(EnvelopePtr envelope, OwnerKey owner, Load load)
      : envelope_(std::move(envelope)), owner_(owner), load_(std::move(load)) {}

  const EnvelopePtr envelope_;
  const OwnerKey owner_;
  const Load load_;  ///< its own: the runtime may be gone when it returns
};

}  // namespace perdure::runtime
