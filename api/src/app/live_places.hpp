// SPDX-License-Identifier: Apache-2.0
// LivePlaces: how many streams and WebSockets each user has open. One that is open holds a
// connection and a queue for as long as its client likes, so a user has a bounded number of them.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "perdure/base/fair_queue.hpp"

namespace perdure::api {

/// A place is held while any copy of this lives.
using LivePlace = std::shared_ptr<void>;  // shared by both directions of a WebSocket

/// Threads  any.
/// Limits   it remembers users that have something open, and no others.
class LivePlaces {
 public:
  LivePlaces();

  /// One more for `owner`; null when it has `most`. The place may outlive this.
  [[nodiscard]] LivePlace take(OwnerKey owner, std::size_t most);

 private:
  struct Taken {
    std::mutex mutex;
    std::unordered_map<OwnerKey, std::size_t> by_owner;
  };

  const std::shared_ptr<Taken> taken_;  // shared with places that are held
};

}  // namespace perdure::api
