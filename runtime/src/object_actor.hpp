// SPDX-License-Identifier: Apache-2.0
// The CAF shell around an activation: a mailbox and a turn at a time.
#pragma once

#include <caf/event_based_actor.hpp>

#include "activation.hpp"
#include "messages.hpp"

namespace perdure::runtime {

class ObjectActor final : public caf::event_based_actor {
 public:
  ObjectActor(caf::actor_config& config, CellPtr cell, Surroundings& around)
      : caf::event_based_actor(config), activation_(std::move(cell), around) {}

  [[nodiscard]] const char* name() const override { return "perdure.object"; }

 protected:
  caf::behavior make_behavior() override {
    return {[this](Delivery& delivery) {
              activation_.receive(std::move(delivery.envelope));
              check();
            },
            [this](Returned& returned) {
              activation_.take_back(std::move(returned.submission));
              check();
            },
            [this](Settled&) {
              activation_.recover_when_alone();
              check();
            },
            [this](Released&) {
              activation_.release();
              check();
            }};
  }

 private:
  void check() const {
    if (activation_.checks_invariants()) activation_.check_invariants();
  }

  Activation activation_;
};

}  // namespace perdure::runtime
