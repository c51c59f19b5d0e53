// SPDX-License-Identifier: Apache-2.0
// The CAF shell around an activation: a mailbox, a turn at a time, in slices.
#pragma once

#include "activation.hpp"
#include "messages.hpp"
#include "sliced_actor.hpp"

namespace perdure::runtime {

class ObjectActor final : public SlicedActor {
 public:
  ObjectActor(caf::actor_config& config, CellPtr cell, Surroundings& around)
      : SlicedActor(config),
        checks_invariants_(around.checks_invariants),
        cell_(cell),
        activation_(std::move(cell), around) {}

  [[nodiscard]] const char* name() const override { return "perdure.object"; }
  [[nodiscard]] OwnerKey owner() const override { return cell_->owner_key(); }

 protected:
  caf::behavior make_behavior() override {
    return {[this](ToObject& message) {
      const Handling handling{*this, message};
      count_message();
      std::visit([this](auto& what) { handle(what); }, message.what);
      // With its last answer the runtime around it may be gone.
      if (checks_invariants_) activation_.check_invariants();
    }};
  }

 private:
  void handle(Delivery& delivery) { activation_.receive(std::move(delivery.envelope)); }
  void handle(Returned& returned) { activation_.take_back(std::move(returned.submission)); }
  void handle(Settled&) { activation_.recover_when_alone(); }
  void handle(const Released& released) { activation_.release(released.transaction); }
  void handle(Onward&) { activation_.go_on(); }
  void handle(const Flush& flush) { activation_.flush(flush.why); }
  void handle(Fetched& fetched) { activation_.fetched(*fetched.rows); }
  void handle(FlowAnswer& answer) { activation_.answered(answer); }

  const bool checks_invariants_;
  const CellPtr cell_;
  Activation activation_;
};

}  // namespace perdure::runtime
