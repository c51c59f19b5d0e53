// SPDX-License-Identifier: Apache-2.0
// Administrators: who makes them, and that there is always one that is active.
//
// A server whose last administrator is deactivated, deleted or made an ordinary user can only be
// mended by its operator. So a request that would do that, by whatever route, is a 409
// `last_admin`. What it needs for the judgement stands in the request: the route, and the body.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "app/context.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api {

/// Users that requests are about to end as administrators.
/// Threads  any. `take` reads the store.
class LastAdmin {
 public:
  LastAdmin();

  /// For a request that ends `user` as an administrator, if it is one. Of two requests at the same
  /// time the second does not count on the first one's user. What it gives is held until the
  /// request is answered; null when the user is no active administrator.
  /// Errors  conflict  there is no other active administrator; those of Runtime::list.
  [[nodiscard]] Result<std::shared_ptr<void>> take(const Runtime& runtime, const std::string& user);

 private:
  struct Ending {
    std::mutex mutex;
    std::map<std::string, std::size_t> users;  ///< with how many requests are at it
  };
  const std::shared_ptr<Ending> ending_;  // shared with what is held
};

/// Goes on with `next`, or answers: 409 `last_admin`; 403 to a key that gives or takes the role of
/// an administrator without the scope to destroy users.
void guard_administrators(ContextPtr context, void (*next)(ContextPtr));

}  // namespace perdure::api
