// SPDX-License-Identifier: Apache-2.0
// ActorHost: the actor system that objects live in, the host's or one of the runtime's own.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <memory>

#include "activation.hpp"

namespace perdure::runtime {

/// Threads  any.
class ActorHost {
 public:
  /// `hosts` must outlive it; null: it makes its own with so many workers, whose owners take turns.
  ActorHost(caf::actor_system* hosts, std::size_t workers);

  [[nodiscard]] caf::actor_system& system() const { return hosts_ != nullptr ? *hosts_ : *own_; }
  /// The actor of an active object. Lifetime: `around` must outlive its turns.
  [[nodiscard]] caf::actor spawn(const CellPtr& cell, Surroundings& around) const;

 private:
  caf::actor_system* const hosts_;
  const std::unique_ptr<caf::actor_system_config> config_;
  const std::unique_ptr<caf::actor_system> own_;
};

}  // namespace perdure::runtime
