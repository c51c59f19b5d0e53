// SPDX-License-Identifier: Apache-2.0
// Calls code of others: what it throws does not get past here.
#pragma once

#include <fmt/format.h>

#include <exception>

#include "envelope.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/schemas/misfit.hpp"

namespace perdure::runtime {

/// Whether a kind's code sees a state that is the caller's: what it misses there is the caller's.
[[nodiscard]] constexpr bool takes_state(Operation operation) {
  return operation == Operation::create || operation == Operation::replace ||
         operation == Operation::patch || operation == Operation::import;
}

[[nodiscard]] inline Error threw(const Envelope& envelope, std::string_view what) {
  return {.code = ErrorCode::internal,
          .detail = fmt::format("{} of kind {} threw: {}", envelope.call.name, envelope.kind->name,
                                what)};
}

template <class F>
auto guarded(const Envelope& envelope, F&& run) -> decltype(run()) {
  check_holds_no_lock("a lock is held over a handler");
  try {
    return run();
  } catch (const Failure& failure) {
    return fail(failure.error());
  } catch (const Json::exception& refused) {
    if (takes_state(envelope.operation)) {
      return fail(ErrorCode::invalid, fmt::format("no state of kind {}: {}", envelope.kind->name,
                                                  describe_misfit(refused)));
    }
    return fail(threw(envelope, refused.what()));
  } catch (const std::exception& thrown) {
    return fail(threw(envelope, thrown.what()));
  } catch (...) {
    return fail(ErrorCode::internal, fmt::format("{} of kind {} threw something unknown",
                                                 envelope.call.name, envelope.kind->name));
  }
}

}  // namespace perdure::runtime
