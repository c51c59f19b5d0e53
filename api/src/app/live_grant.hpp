// SPDX-License-Identifier: Apache-2.0
// LiveGrant: whether whoever opened a long-lived connection may still have it.
//
// A key may be revoked, rotated or changed, and its user deactivated, while a stream or a socket is
// open. What the connection was granted is looked at again and again: two loads, as long as neither
// object has moved. Many connections of one key ask about it once.
#pragma once

#include <functional>
#include <memory>

#include "app/key_cache.hpp"
#include "app/live_places.hpp"
#include "app/router.hpp"
#include "perdure/api/app/application.hpp"

namespace perdure::api {

/// Threads   one at a time.
/// Lifetime  borrows the route.
class LiveGrant {
 public:
  enum class Verdict {
    holds,
    unsure,   ///< the key or its user has changed or left memory, and is being asked
    ended,    ///< the key is not valid any more, or its user is not active
    expired,  ///< the same, by the time that the key was given
    refused,  ///< the key is valid, and not for this route
  };

  /// Of the request that opens the connection. It holds a place of the user's (LivePlaces).
  /// Errors  quota_exceeded  the user has as many open as it may (`sockets_per_user_max`); admins
  ///                         are never refused
  [[nodiscard]] static Result<LiveGrant> of(const Context& context);

  /// Does not wait. After `unsure`, `answered` is called once on any thread if this look was the
  /// first of all of the key's, and the answer has come.
  [[nodiscard]] Verdict look(Application::Services& services,
                             const std::function<void()>& answered);

  /// As of the last look. Lifetime: until the next one.
  [[nodiscard]] const Standing& standing() const { return *standing_; }
  [[nodiscard]] const Principal& principal() const { return standing_->principal; }
  [[nodiscard]] KeyRecord& key() const { return *key_; }
  [[nodiscard]] const CompiledRoute& route() const { return *route_; }

 private:
  LiveGrant(const CompiledRoute& route, std::shared_ptr<KeyRecord> key,
            std::shared_ptr<const Standing> standing, LivePlace place)
      : route_(&route),
        key_(std::move(key)),
        standing_(std::move(standing)),
        place_(std::move(place)) {}

  const CompiledRoute* route_;
  std::shared_ptr<KeyRecord> key_;            // shared with the cache of keys
  std::shared_ptr<const Standing> standing_;  // shared: immutable; what the last look found
  LivePlace place_;
};

}  // namespace perdure::api
