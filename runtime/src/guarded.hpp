// SPDX-License-Identifier: Apache-2.0
// Calls code of others: what it throws does not get past here.
#pragma once

#include <fmt/format.h>

#include <exception>

#include "envelope.hpp"
#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

template <class F>
auto guarded(const Envelope& envelope, F&& run) -> decltype(run()) {
  check_holds_no_lock("a lock is held over a handler");
  try {
    return run();
  } catch (const Failure& failure) {
    return fail(failure.error());
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::internal, fmt::format("{} of kind {} threw: {}", envelope.call.name,
                                                 envelope.kind->name, thrown.what()));
  } catch (...) {
    return fail(ErrorCode::internal, fmt::format("{} of kind {} threw something unknown",
                                                 envelope.call.name, envelope.kind->name));
  }
}

}  // namespace perdure::runtime
