// SPDX-License-Identifier: Apache-2.0
// WebhookPlaces: how many webhooks an owner has, those included that are being made: so that none
// of two requests that come at the same time takes the last place twice.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

/// Threads  any. `take` reads the store.
class WebhookPlaces {
 public:
  WebhookPlaces();

  struct Place {
    std::size_t others;          ///< beside this one; counted up to `most`
    std::shared_ptr<void> held;  ///< while it lives, this one is counted
  };
  /// For one more webhook of `owner`, which is to be there before the place is let go.
  /// Errors: those of Runtime::list.
  [[nodiscard]] Result<Place> take(const Runtime& runtime, const std::string& owner,
                                   std::size_t most);

 private:
  struct Taken {
    std::mutex mutex;
    std::map<std::string, std::size_t> by_owner;
  };

  const std::shared_ptr<Taken> taken_;  // shared with places that are held
};

}  // namespace perdure::api
