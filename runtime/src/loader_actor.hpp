// SPDX-License-Identifier: Apache-2.0
// Loaders: actors that bring objects into memory for those who only want to look at them. An object
// gets an actor of its own with the first call that has to take turns with others.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <functional>

#include "envelope.hpp"
#include "handover.hpp"

namespace perdure::runtime {

/// A query of an object whose cell is counted on it, and not loaded yet.
struct ToLoad {
  EnvelopePtr envelope;
};

}  // namespace perdure::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::ToLoad)

namespace perdure::runtime {

class LoaderActor final : public OrderedActor {
 public:
  using Load = std::function<void(Envelope&)>;

  LoaderActor(caf::actor_config& config, Load load)
      : OrderedActor(config), load_(std::move(load)) {}

  [[nodiscard]] const char* name() const override { return "perdure.loader"; }

 protected:
  caf::behavior make_behavior() override {
    return {[this](ToLoad& message) {
      const Handling handling{*this, message};
      load_(*message.envelope);
    }};
  }

 private:
  const Load load_;
};

}  // namespace perdure::runtime
