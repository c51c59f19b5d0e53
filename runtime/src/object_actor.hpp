// SPDX-License-Identifier: Apache-2.0
// The CAF shell around an activation: a mailbox and a turn at a time.
#pragma once

#include "activation.hpp"
#include "handover.hpp"
#include "messages.hpp"

namespace perdure::runtime {

class ObjectActor final : public OrderedActor {
 public:
  ObjectActor(caf::actor_config& config, CellPtr cell, Surroundings& around)
      : OrderedActor(config), activation_(std::move(cell), around) {}

  [[nodiscard]] const char* name() const override { return "perdure.object"; }

 protected:
  caf::behavior make_behavior() override {
    return {[this](ToObject& message) {
      const Handling handling{*this, message};
      std::visit([this](auto& what) { handle(what); }, message.what);
      if (activation_.checks_invariants()) activation_.check_invariants();
    }};
  }

 private:
  void handle(Delivery& delivery) { activation_.receive(std::move(delivery.envelope)); }
  void handle(Returned& returned) { activation_.take_back(std::move(returned.submission)); }
  void handle(Settled&) { activation_.recover_when_alone(); }
  void handle(Released&) { activation_.release(); }

  Activation activation_;
};

}  // namespace perdure::runtime
