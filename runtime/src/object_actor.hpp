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

 private:
  template <class Message, class Act>
  auto on(Act act) {
    return [this, act](Message& message) {
      const Handling handling{*this, message};
      act(message);
      if (activation_.checks_invariants()) activation_.check_invariants();
    };
  }

 protected:
  caf::behavior make_behavior() override {
    return {on<Delivery>(
                [this](Delivery& delivery) { activation_.receive(std::move(delivery.envelope)); }),
            on<Returned>([this](Returned& returned) {
              activation_.take_back(std::move(returned.submission));
            }),
            on<Settled>([this](Settled&) { activation_.recover_when_alone(); }),
            on<Released>([this](Released&) { activation_.release(); })};
  }

 private:
  Activation activation_;
};

}  // namespace perdure::runtime
